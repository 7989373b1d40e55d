/* The command line: what the commands share. Results go to standard output, all else to standard error. */
#ifndef GRADC_DRIVER_H
#define GRADC_DRIVER_H
#include "ir/ir.h"
#include "lib/gradc.h"


typedef enum ExitStatus { EXIT_WELL = 0, EXIT_MODEL = 1, EXIT_USAGE = 2, EXIT_RESOURCES = 5 } ExitStatus;

typedef enum CommandId {
#define COMMAND(name, ...) CMD_##name,
#define OPTION(...)
#include "options.def"
#undef COMMAND
#undef OPTION
  CMD_COUNT
} CommandId;
typedef enum OptionId {
#define COMMAND(...)
#define OPTION(id, ...) OPT_##id,
#include "options.def"
#undef COMMAND
#undef OPTION
  OPT_COUNT
} OptionId;
enum CommandBits {
#define COMMAND(name, ...) C_##name = 1 << CMD_##name,
#define OPTION(...)
#include "options.def"
#undef COMMAND
#undef OPTION
  PASSED = 1 << 30,
  TAKES_PASSES = C_ir | C_opt | C_build | C_run | C_emit | C_report
};

/* A loaded model and the command line that it is to run: malloced, they outlive the compilation. jit NULL: none. */
typedef struct Program { struct Jit *jit; int argc; char **argv; } Program;

typedef struct Args {
  Ctx *c;
  CommandId cmd;
  const char *value[OPT_COUNT]; /* NULL: not given; "" for flags */
  const char **operand; int noperand;
  const char **passed; int npassed; /* PASSED options as given */
  uint64_t off;                     /* --no-PASS, as Options.off */
  Program then;                     /* what a command that ended well leaves to be run */
} Args;
typedef int CommandFn(Args *a);     /* returns the exit status */

typedef struct Command {
  const char *name, *operands;
  int fewest, most;
  const char *purpose, *example;
  CommandFn *run;
} Command;
typedef struct Option {
  const char *flag, *value, *choices;
  unsigned commands;
  const char *help;
} Option;
extern const Command command_info[CMD_COUNT];
extern const Option option_info[OPT_COUNT];
#define COMMAND(name, ...) CommandFn cmd_##name;
#define OPTION(...)
#include "options.def"
#undef COMMAND
#undef OPTION

/* args.c. Returns -1 to go on, else the exit status (help was printed, or the usage was wrong and reported). */
int args_parse(Args *a, int argc, char **argv);
bool args_bytes(const char *text, int64_t *n); /* "300", "256K": at least 1, below 2^62; K, M, G are powers of 1024 */
static inline bool args_has(const Args *a, OptionId o) { return a->value[o] != NULL; }

/* output.c. Whether the option's path, if it is given, can be the place of the result: not the operand itself, and not by
 * its ending (".c .h") a thing of another kind than the command `writes`. False: reported, the exit status is EXIT_USAGE. */
bool output_fits(Args *a, OptionId option, const char *endings, const char *writes, const char *help);

/* terminal.c */
bool terminal_color(int fd);  /* a terminal that shows colour, and NO_COLOR is not set */
bool terminal_utf8(void);     /* the locale's characters are UTF-8 */

/* help.c */
void help_overview(void);
void help_command(CommandId cmd);
void help_man(void); /* man.c: `gradc help --man` */

/* load.c */
bool load_source(Ctx *c, const char *path, Loc *start);  /* `-`: standard input. False: reported */
Module *load_module(Args *a, const char *path);          /* .nn or, by its name, .ir; NULL: reported */
Module *load_planned(Args *a, const char *path);         /* and all passes over it */
/* A safetensors file's values of every weight, and of every state that it holds, per Module.var: dense, row-major, in
 * the type of the var; they live as long as the process. NULL: reported. */
const void *const *load_weights(Module *m, const char *path);
/* Writes beside the file and renames: the old one or the new one is there, whole. mode 0: that of the old one, or 0666
 * without the umask's bits. False: reported. */
bool save_file(Ctx *c, const char *path, const char *text, size_t n, unsigned mode);
#endif
