/* stub */
#include "random.h"
bool begin_unit(const char *dir, int dialect) { (void)dir, (void)dialect; return false; }
bool emit_module(const char *text, uint64_t seed, int number, int dialect, const char *dir, Why *why) { (void)text,(void)seed,(void)number,(void)dialect,(void)dir,(void)why; return false; }
bool end_unit(const char *dir, int n, const char *cc, int dialect, Why *why) { (void)dir,(void)n,(void)cc,(void)dialect,(void)why; return false; }
bool check_c(const char *text, uint64_t seed, int dialect, const char *cc, const char *dir, Why *why) { (void)text,(void)seed,(void)cc,(void)dialect,(void)dir,(void)why; return false; }
