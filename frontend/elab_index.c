#include "frontend/elab_priv.h"
Value el_index_def(Elab *e, const Ast *s) { return el_fail(e, 218, s, "x"); }
Value el_index_reduce(Elab *e, const Ast *s) { return el_fail(e, 218, s, "x"); }
