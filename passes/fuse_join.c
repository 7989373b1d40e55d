#include "passes/fuse.h"
void fuse_join(FuseState *s) { (void)s; }
