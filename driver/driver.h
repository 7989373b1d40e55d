/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the commands. Results go to standard output, everything else to standard error. */
#ifndef GRADC_DRIVER_H
#define GRADC_DRIVER_H
#include "ir/ir.h"
#include "lib/gradc.h"

typedef enum ExitStatus { EXIT_OK = 0, EXIT_MODEL = 1, EXIT_USAGE = 2, EXIT_RESOURCES = 5 } ExitStatus;

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
  ALL_COMMANDS = (1 << CMD_COUNT) - 1,
  TAKES_PASSES = C_ir | C_opt | C_build | C_run | C_serve | C_generate | C_emit | C_report
};

/* A compiled model and the command line for it. Both are malloced and outlive the compilation. jit NULL: none. */
typedef struct Program {
  struct Jit *jit;
  int argc;
  char **argv;
} Program;

typedef struct Args {
  Ctx *c;
  CommandId cmd;
  const char *value[OPT_COUNT]; /* NULL: not given; "" for flags */
  const char **set;             /* --set, of import --dim, as given */
  int nset;
  const char **constant; /* --const, as given */
  int nconstant;
  const char **operand;
  int noperand;
  const char **passed;
  int npassed;                     /* PASSED options as given */
  unsigned remark_kinds;           /* as Options.remarks */
  const Module *remarks;           /* of --remarks; printed after the command */
  uint64_t off;                    /* --no-PASS, as Options.off */
  const struct GemmTuning *tuning; /* how GEMMs run; NULL: as the cache has it */
  Program then;                    /* runs after the command if that succeeded */
} Args;
typedef int CommandFn(Args *a); /* returns the exit status */

typedef struct Command {
  const char *name, *operands;
  int min_operands, max_operands;
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

/* args.c. Returns -1 to continue, else the exit status: help was printed, or a usage error was reported. */
int args_parse(Args *a, int argc, char **argv);
/* The integer value of an option, min to max; without it `fallback`. False: reported. */
bool args_number(Args *a, OptionId o, int64_t fallback, int64_t min, int64_t max, int64_t *n);
bool args_bytes(const char *text, int64_t *n); /* "300", "256K": 1 .. 2^62 - 1; K, M, G are powers of 1024 */
const char *args_device(const Args *a);        /* what runs the graphs: "cuda", "cuda-host"; NULL: the CPU */
int args_sm(const char *gpus);                 /* Options.sm of a list of architectures, or NULL */
int64_t args_gpu(const Args *a);               /* the number of --device; -1: none */
static inline bool args_has(const Args *a, OptionId o) { return a->value[o] != NULL; }

/* output.c. Checks the output path of an option, if it is given: it is not the operand, and has none of the `endings`
 * (".c .h"), which suggest another kind of file than the command `writes`. False: reported, exit status EXIT_USAGE. */
bool output_check(Args *a, OptionId option, const char *endings, const char *writes, const char *help);

/* terminal.c */
bool terminal_color(int fd); /* a terminal that shows colour, and NO_COLOR is not set */
bool terminal_utf8(void);    /* the locale's characters are UTF-8 */
int terminal_width(int fd);  /* in columns, of no terminal by COLUMNS; 0: not known */

/* help.c */
void help_overview(void);
void help_command(CommandId cmd);
const char *option_sign(const Option *o); /* between flag and value, in help and manual page */
void help_man(void);                      /* man.c: `gradc help --man` */
bool help_completion(const char *shell);  /* completion.c: `gradc help --completion=bash`; false: of no known shell */

/* cmd_diff.c: prints what differs between the two operands, after all passes or before; the exit status. */
int diff_files(Args *a, bool passes);

/* repro.c: if an internal error was reported, a folder with its sources, its command as run.sh and its message, to be
 * sent; its name. NULL: there was none, or it could not be written. */
const char *repro_write(const Args *a, int argc, char **argv);

/* remarks.c */
bool remarks_wanted(Args *a);       /* sets remark_kinds by --remarks; false: reported */
void remarks_of_codegen(Module *m); /* of a planned module that no code is generated of */

/* load.c. False or NULL: reported. */
bool load_source(Ctx *c, const char *path, Loc *start); /* `-`: standard input */
Module *load_module(Args *a, const char *path);         /* .nn, or .ir by its name */
Module *load_planned(Args *a, const char *path);        /* load_module and all passes */
/* The values of all weights, and of the states that the safetensors file has, per Module.var: dense, row-major, in the
 * type of the var; valid until the process ends. */
struct Weights;
const void *const *load_weights(Module *m, const char *path, struct Weights **file); /* file: may be NULL */
/* Replaces a file atomically. mode 0: that of the old file, or 0666 without the umask's bits. */
bool make_folders(Ctx *c, const char *dir); /* with those above it; false: reported */
bool save_file(Ctx *c, const char *path, const char *text, size_t n, unsigned mode);
#endif
