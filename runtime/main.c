/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a training binary, a separate file so that other programs can link the runtime. */
#include "model.h"

int main(int argc, char **argv) { return gc_main(&gc_model, argc, argv); }
