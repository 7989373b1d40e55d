/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files of the command `import`: models, tensors, weights. */
#ifndef GRADC_ONNX_FILE_H
#define GRADC_ONNX_FILE_H
#include "import/import.h"

/* False or NULL: reported. The bytes live until the process ends. */
bool onnx_file_model(Ctx *c, const char *path, OnnxModel *m);
bool onnx_file_tensor(Ctx *c, const char *path, const char **name, Tensor *t);
const char *onnx_folder(Ctx *c, const char *path); /* of the file */

/* Writes the weights of an import as a safetensors file, with the names that the program gives them. */
bool onnx_write_weights(Import *m, const char *path);
/* onnx_tests.c. Adds the inputs of a set of test data to m->given, those that it has not; false: reported. */
bool onnx_read_given(Ctx *c, const OnnxModel *o, const char *set, Import *m);
/* Test blocks for the sets of test data in the folder of an imported model, those that are small; NULL: none. */
const char *onnx_test_blocks(Ctx *c, Import *m, const OnnxModel *o, const char *folder);
#endif
