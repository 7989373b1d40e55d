/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and options of a training binary: a table of each, for parsing, help and suggestions. */
#include "json.h"
#include "man.h"
#include "rt.h"
#include "session.h"
#include "terminal.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { MAX_THREADS = 1024 };
enum { TRAIN = 1, EVAL = 2, PREDICT = 4, INFO = 8, BENCH = 16, SERVE = 32, GENERATE = 64, ALL = 127 };

int gc_generate(Session *sess) __attribute__((weak)); /* generate.c; only models that generate link it */
typedef enum OptKind { FLAG, NUMBER, SEED, TEXT, LIST, FOLD, COLOUR } OptKind;

const Command gc_commands[] = {
  {"train", TRAIN, gc_train, "--threads 2", "train the model and keep its weights in a run folder"},
  {"eval", EVAL, gc_eval, "", "loss and metrics on the hold-out, else on validate.data, or on all records"},
  {"predict", PREDICT, gc_predict, "--input new.csv", "run an exported function on every record of a file"},
  {"info", INFO, gc_info, "", "the weights and states of the model, in order"},
  {"serve", SERVE, gc_serve, "--port 8080", "answer requests over HTTP by the exported functions"},
  {"generate", GENERATE, gc_generate, "--prompt 'Once' --tokenizer tokenizer.json", "continue a text, token by token"},
  {"bench", BENCH, gc_bench, "--steps 100 --threads 1", "time the training step on data held in memory"},
};
const int gc_ncommands = COUNT(gc_commands);

static const struct Opt {
  const char *name;
  OptKind kind;
  size_t at;
  unsigned commands;
  int64_t min, max;
  const char *value, *help;
} options[] = {
  {"--set", LIST, offsetof(Opts, set), TRAIN, 0, 0, "NAME=VALUE",
   "a value for a constant that is only the file's steps, epochs or seed"},
  {"--steps", NUMBER, offsetof(Opts, steps), TRAIN | BENCH, 0, UINT32_MAX, "N",
   "number of steps, instead of the file's plan"},
  {"--epochs", NUMBER, offsetof(Opts, epochs), TRAIN, 0, UINT32_MAX, "N",
   "number of epochs, instead of the file's plan"},
  {"--stop-at", NUMBER, offsetof(Opts, stop_at), TRAIN, 0, UINT32_MAX, "N",
   "stop after step N and leave the rest to --resume"},
  {"--seed", SEED, offsetof(Opts, seed), TRAIN | EVAL | PREDICT | SERVE | BENCH | GENERATE, 0, 0, "N",
   "seed of weights, order, hold-out and random numbers"},
  {"--threads", NUMBER, offsetof(Opts, threads), TRAIN | EVAL | PREDICT | SERVE | BENCH | GENERATE, 1, MAX_THREADS, "N",
   "threads (default: physical cores); results do not depend on it"},
  {"--device", NUMBER, offsetof(Opts, device), TRAIN | EVAL | PREDICT | SERVE | BENCH | GENERATE, 0, 255, "N",
   "the GPU, from 0, of a model that was built for CUDA"},
  {"--check-launches", FLAG, offsetof(Opts, check_launches), TRAIN | EVAL | PREDICT | SERVE | BENCH | GENERATE, 0, 0,
   NULL, "wait for each kernel on the GPU, to name one that fails"},
  {"--init", TEXT, offsetof(Opts, init), TRAIN, 0, 0, "FILE", "start from the weights of a .safetensors file"},
  {"--init-map", LIST, offsetof(Opts, init_map), TRAIN, 0, 0, "OLD=NEW",
   "read its tensors OLD, and those below it, as NEW; OLD= leaves them out"},
  {"--partial", FLAG, offsetof(Opts, partial), TRAIN, 0, 0, NULL,
   "--init may lack weights, which keep their initial values, and have others"},
  {"--weights", TEXT, offsetof(Opts, weights), EVAL | PREDICT | SERVE | INFO | BENCH | GENERATE, 0, 0, "FILE",
   "weights (default: those of the newest run)"},
  {"--data", LIST, offsetof(Opts, data), TRAIN | EVAL | BENCH, 0, 0, "NAME=PATH",
   "other files for a data section (several: A,B); `bench --data` alone times the batches too"},
  {"--fold", FOLD, offsetof(Opts, fold), TRAIN | EVAL, 0, 0, "K/N",
   "hold out the K-th of N parts of the records, instead of the file's hold-out"},
  {"--resume", FLAG, offsetof(Opts, resume), TRAIN, 0, 0, NULL, "continue the newest run, or that of --run-dir"},
  {"--force", FLAG, offsetof(Opts, force), TRAIN, 0, 0, NULL, "replace the run that --run-dir holds"},
  {"--run-dir", TEXT, offsetof(Opts, run_dir), TRAIN, 0, 0, "D", "the run's folder (default: runs/TIME)"},
  {"--log-every", NUMBER, offsetof(Opts, log_every), TRAIN, 1, UINT32_MAX, "N", "log every N-th step (default: 1)"},
  {"--fn", TEXT, offsetof(Opts, fn), PREDICT | SERVE | GENERATE, 0, 0, "EXPORT", "which export (default: the first)"},
  {"--prompt", TEXT, offsetof(Opts, prompt), GENERATE, 0, 0, "TEXT", "what to continue"},
  {"--tokenizer", TEXT, offsetof(Opts, tokenizer), GENERATE, 0, 0, "FILE",
   "tokenizer.json, vocab.json with merges.txt beside it, or tokenizer.model"},
  {"--tokens", NUMBER, offsetof(Opts, tokens), GENERATE, 0, 1 << 20, "N", "how many at most (default: 100)"},
  {"--temperature", TEXT, offsetof(Opts, temperature), GENERATE, 0, 0, "T",
   "divides the scores (default: 1); 0: always the most likely token"},
  {"--top-k", NUMBER, offsetof(Opts, top_k), GENERATE, 1, 1 << 22, "K", "draw from the K most likely only"},
  {"--top-p", TEXT, offsetof(Opts, top_p), GENERATE, 0, 0, "P",
   "draw from the most likely that have this probability together"},
  {"--input", TEXT, offsetof(Opts, input), PREDICT, 0, 0, "FILE",
   "csv, npy, npz, jsonl, text, a picture or a folder of them, `-`: standard input"},
  {"-o", TEXT, offsetof(Opts, output), PREDICT, 0, 0, "FILE", "where to write: .csv, .jsonl or .npy"},
  {"--format", TEXT, offsetof(Opts, format), PREDICT, 0, 0, "F", "csv (the default), jsonl or npy, instead of by -o"},
  {"--host", TEXT, offsetof(Opts, host), SERVE, 0, 0, "ADDRESS", "where to listen (default: 127.0.0.1, this machine)"},
  {"--port", NUMBER, offsetof(Opts, port), SERVE, 0, 65535, "N", "the port (default: 8080); 0: a free one"},
  {"--batch-max", NUMBER, offsetof(Opts, batch_max), SERVE, 1, INT32_MAX, "N",
   "records of a call at most (default: the bound of the export)"},
  {"--batch-wait", NUMBER, offsetof(Opts, batch_wait), SERVE, 0, 10000, "MS",
   "how long a request waits for others to share a call, in ms (default: 0)"},
  {"--queue", NUMBER, offsetof(Opts, queue), SERVE, 1, 1000000, "N",
   "requests that may wait (default: 256); more are answered by 429"},
  {"--max-body", NUMBER, offsetof(Opts, max_body), SERVE, 1, 65536, "MIB", "the largest body, in MiB (default: 16)"},
  {"--timeout", NUMBER, offsetof(Opts, timeout), SERVE, 1, 86400, "S",
   "seconds that a request may take to arrive (default: 30)"},
  {"--watch", FLAG, offsetof(Opts, watch), SERVE, 0, 0, NULL,
   "read the weights again when their file changes, as SIGHUP does"},
  {"--infer", FLAG, offsetof(Opts, infer), BENCH, 0, 0, NULL, "time the first export instead of the training step"},
  {"--profile", FLAG, offsetof(Opts, profile), BENCH, 0, 0, NULL, "the time of each kernel, beside what is possible"},
  {"--json", FLAG, offsetof(Opts, json), TRAIN | EVAL | INFO | BENCH | GENERATE, 0, 0, NULL,
   "one JSON object per line"},
  {"--color", COLOUR, 0, ALL, 0, 0, "WHEN", "colour of messages: auto (on a terminal), always, never"},
  {"--help", FLAG, offsetof(Opts, help), ALL, 0, 0, NULL, "this text"},
};

void opt_consider(Nearest *n, const char *typed, const char *word) {
  int d = rt_distance(typed, word);
  if (d < n->distance && d <= 1 + (int)strlen(word) / 3) *n = (Nearest){word, d};
}

const Command *opt_command(const char *name) {
  Nearest near = {NULL, 64};
  for (int i = 0; i < gc_ncommands; i++) {
    if (!strcmp(name, gc_commands[i].name)) return &gc_commands[i];
    opt_consider(&near, name, gc_commands[i].name);
  }
  if (near.word) rt_die(E_UNKNOWN_OPTION, "unknown command `%s`\ndid you mean `%s`?", name, near.word);
  rt_die(E_UNKNOWN_OPTION,
         "unknown command `%s`\nthe commands are train, eval, predict, info, serve, generate and bench", name);
}

static const struct Opt *find(const Command *c, const char *name, size_t n) {
  Nearest near = {NULL, 64};
  char *typed = rt_printf("%.*s", n < 60 ? (int)n : 60, name);
  for (int i = 0; i < COUNT(options); i++) {
    bool here = options[i].commands & c->bit, same = !strcmp(typed, options[i].name);
    if (same && here) {
      rt_free(typed);
      return &options[i];
    }
    if (same)
      rt_die(E_UNKNOWN_OPTION, "`%s` is not an option of `%s`\n`%s --help` lists them", typed, c->name, c->name);
    if (here) opt_consider(&near, typed, options[i].name);
  }
  if (near.word) rt_die(E_UNKNOWN_OPTION, "unknown option `%s`\ndid you mean `%s`?", typed, near.word);
  rt_die(E_UNKNOWN_OPTION, "unknown option `%s`\n`%s --help` lists the options", typed, c->name);
}

bool opt_number(const char *s, uint64_t *v) {
  char err[ERR_TEXT];
  Json j = {s, s + strlen(s), err};
  return json_u64(&j, v) && j.p == j.end;
}

static uint64_t number(const struct Opt *o, const char *s, uint64_t min, uint64_t max) {
  uint64_t v;
  if (!opt_number(s, &v)) rt_die(E_OPTION_VALUE, "%s takes a number, not `%s`", o->name, s);
  if (v < min || v > max)
    rt_die(E_OPTION_VALUE, "%s must be between %llu and %llu, not `%s`", o->name, (unsigned long long)min,
           (unsigned long long)max, s);
  return v;
}

bool opt_fold(const char *s, Fold *f) {
  char err[ERR_TEXT];
  Json j = {s, s + strlen(s), err};
  uint64_t k, n;
  if (!json_u64(&j, &k) || !json_expect(&j, '/') || !json_u64(&j, &n) || j.p != j.end) return false;
  if (n < 2 || k < 1 || k > n || n > UINT32_MAX) return false;
  *f = (Fold){(uint32_t)k, (uint32_t)n};
  return true;
}

static void set(Opts *o, const struct Opt *opt, const char *v) {
  char *at = (char *)o + opt->at;
  switch (opt->kind) {
  case FLAG: *(bool *)at = true; break;
  case NUMBER: *(int64_t *)at = (int64_t)number(opt, v, (uint64_t)opt->min, (uint64_t)opt->max); break;
  case SEED:
    o->seed = number(opt, v, 0, UINT64_MAX);
    o->seed_set = true;
    break;
  case TEXT:
    if (!*v) rt_die(E_OPTION_VALUE, "%s needs a value: %s", opt->name, opt->value);
    *(const char **)at = v;
    break;
  case FOLD:
    if (opt_fold(v, &o->fold)) break;
    rt_die(E_OPTION_VALUE, "%s takes K/N, the K-th of N parts, 1/5 to 5/5 of 5, not `%s`", opt->name, v);
  case COLOUR:
    if (rt_set_colour(v)) break;
    rt_die(E_OPTION_VALUE, "%s takes auto, always or never, not `%s`", opt->name, v);
  case LIST:
    if (((OptList *)at)->n == OPT_TIMES) rt_die(E_OPTION_VALUE, "more than %d times %s", OPT_TIMES, opt->name);
    ((OptList *)at)->v[((OptList *)at)->n++] = v;
  }
}

void opt_parse(Opts *o, const Command *c, int argc, char **argv) {
  *o = (Opts){.steps = -1, .epochs = -1, .stop_at = -1, .threads = -1, .log_every = -1, .device = -1};
  o->port = o->batch_max = o->batch_wait = o->queue = o->max_body = o->timeout = o->tokens = o->top_k = -1;
  for (int i = 0; i < argc; i++) {
    const char *s = argv[i], *eq = strchr(s, '=');
    if (s[0] != '-' || !s[1]) rt_die(E_UNKNOWN_OPTION, "`%s` takes options only, not `%s`", c->name, s);
    if (!strcmp(s, "-h")) s = "--help";
    size_t n = eq ? (size_t)(eq - s) : strlen(s);
    const struct Opt *opt = find(c, s, n);
    const char *v = eq ? eq + 1 : NULL;
    if (opt->at == offsetof(Opts, data) && c->bit == BENCH && !v && (i + 1 == argc || argv[i + 1][0] == '-')) {
      o->time_data = true;
      continue;
    }
    if (opt->kind == FLAG && v) rt_die(E_OPTION_VALUE, "%s takes no value", opt->name);
    if (opt->kind != FLAG && !v && ++i == argc) rt_die(E_OPTION_VALUE, "%s needs a value: %s", opt->name, opt->value);
    if (opt->kind != FLAG && !v) v = argv[i];
    set(o, opt, v);
  }
  if (o->steps >= 0 && o->epochs >= 0) rt_die(E_OPTION_VALUE, "--steps and --epochs exclude each other");
  if (o->resume && o->force) rt_die(E_OPTION_VALUE, "--resume and --force exclude each other");
  if (o->resume && o->init) rt_die(E_OPTION_VALUE, "--resume and --init exclude each other");
  if (!o->init && (o->init_map.n || o->partial))
    rt_die(E_OPTION_VALUE, "%s belongs to --init FILE", o->partial ? "--partial" : "--init-map");
}

void opt_help(const char *prog, const Command *c) {
  rt_out("%s %s %s\n\n%s\n\noptions:\n", prog, c->name, c->args, c->summary);
  for (int i = 0; i < COUNT(options); i++) {
    const struct Opt *o = &options[i];
    if (!(o->commands & c->bit)) continue;
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    rt_out("  %-20s %s\n", left, o->help);
  }
  if (c->bit == PREDICT)
    rt_out(
      "\nA csv line fills the inputs of the export in order; so does a record of an npy array. An npz file has\n"
      "an array for each input, a line of jsonl an object with a value for each. Prints one line per record:\n"
      "csv has all values of the outputs, separated by commas, jsonl an object; npy is one array of all records.\n");
  if (c->bit == TRAIN)
    rt_out("\nCtrl-C finishes the step and saves. Exit status: 0 success, 1 user error, 2 usage, 4 corrupt data or\n"
           "checkpoint, 5 resources, 6 not finite, 130 or 143 after Ctrl-C or SIGTERM.\n");
}

void opt_overview(const GcModel *m, const char *prog) {
  rt_out("%s train\n%s eval\n%s predict --input new.csv\n\n%s, built by gradc %s: %.0f parameters\n\ncommands:\n", prog,
         prog, prog, m->name, m->version ? m->version : "", m->parameters);
  for (int i = 0; i < gc_ncommands; i++)
    if (gc_commands[i].run) rt_out("  %-9s %s\n", gc_commands[i].name, gc_commands[i].summary);
  rt_out("\n`%s COMMAND --help` lists the options of a command.\n", prog);
}

/* ---- the manual page ---- */

static void put_man(const char *before, const char *text, const char *after) {
  char *t = man_escape(text);
  rt_out("%s%s%s", before, t, after);
  rt_free(t);
}

void man_program(const char *name, const char *version) {
  put_man(".TH ", name, " 1 \"\" \"");
  put_man("gradc ", version, "\" \"User commands\"\n.SH NAME\n");
  put_man("", name, " \\- a model that gradc compiled: trains, evaluates, predicts\n.SH SYNOPSIS\n");
  put_man(".B ", name, "\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n");
  for (int k = 0; k < gc_ncommands; k++) {
    const Command *c = &gc_commands[k];
    put_man(".SS ", c->name, "\n");
    put_man("", c->summary, ".\n");
    for (int i = 0; i < COUNT(options); i++) {
      const struct Opt *o = &options[i];
      if (!(o->commands & c->bit)) continue;
      put_man(".TP\n\\fB", o->name, "\\fR");
      put_man(o->value ? " \\fI" : "", o->value ? o->value : "", o->value ? "\\fR\n" : "\n");
      put_man("", o->help, "\n");
    }
  }
  rt_out(".SH FILES\n.TP\n\\fIruns/TIME/\\fR\na training: run.json, metrics.csv, metrics.jsonl, weights.safetensors, "
         "checkpoints\n.SH EXIT STATUS\n0 success, 1 user error, 2 usage, 4 corrupt data or checkpoint, 5 resources, 6 "
         "not finite, 130 or 143 after Ctrl\\-C or SIGTERM.\n.SH SEE ALSO\n.BR gradc (1),\n.BR nn (5)\n");
}
