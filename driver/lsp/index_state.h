/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by index.c and index_walk.c. */
#ifndef GRADC_LSP_INDEX_STATE_H
#define GRADC_LSP_INDEX_STATE_H
#include "driver/lsp/index.h"

Symbol *symbol_declare(Index *x, const IndexFile *f, Symbol *in, SymbolKind kind, const Ast *a, Loc at, int len,
                       const char *name);
void index_walk(Index *x, const IndexFile *f); /* adds the uses in a file, and what its bodies declare */
#endif
