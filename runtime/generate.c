/* SPDX-License-Identifier: Apache-2.0 */
/* `generate`: continues a text token by token. */
#include "checkpoint.h"
#include "generator.h"
#include "learned.h"
#include "num.h"
#include "run.h"
#include "tokenizer.h"
#include <string.h>

static double option(const char *name, const char *text, double otherwise, double least, double most) {
  double v = otherwise;
  bool ok = !text || (num_read(GC_F64, &v, 0, text, strlen(text)) == NUM_OK && v >= least && v <= most);
  if (!ok) rt_die(E_OPTION_VALUE, "%s takes a number from %g to %g, not `%s`", name, least, most, text);
  return v;
}

static void check_vocabulary(const Session *sess, const Tokenizer *t, const GcGraph *g) {
  int vocab = (int)g->out->dim[g->out->rank - 1];
  for (int i = vocab; i < t->n; i++)
    if (t->token[i].s)
      rt_die(E_TOKENIZER, "%s: it has a token %d, the model has scores of %d", sess->o.tokenizer, i, vocab);
}

static void say(const Tokenizer *t, int id) {
  enum { ROOM = 4096 };
  char text[ROOM];
  int n = tokenizer_text(t, id, text, ROOM);
  if (n) rt_out_put(text, (size_t)n);
}

static void print_numbers(const Generator *k, int prompt) {
  rt_out("{\"prompt_tokens\":%d,\"tokens\":[", prompt);
  for (int i = 0; i < k->n; i++) rt_out(i ? ",%d" : "%d", (int)k->id[i]);
  rt_out("]}\n");
}

static void generate(Generator *k, const Tokenizer *t, int64_t tokens) {
  int n = k->n;
  bool json = k->sess->o.json;
  for (int64_t i = 0; i < tokens; i++) {
    int next = generator_next(k);
    if (next == t->end) break;
    generator_add(k, next);
    if (!json) say(t, next);
    if (!json && !rt_out_send()) break;
  }
  if (json) print_numbers(k, n);
  else rt_out("\n");
  rt_out_flush();
}

int gc_generate(Session *sess) {
  enum { LONGEST = 1 << 16 };
  const Opts *o = &sess->o;
  const GcGraph *g = generator_export(sess, o->fn);
  int64_t tokens = o->tokens < 0 ? 100 : o->tokens;
  Generator k;
  int *id;
  if (!o->tokenizer)
    rt_die(E_OPTION_VALUE, "generate needs --tokenizer FILE: tokenizer.json, vocab.json or tokenizer.model");
  const char *prompt = o->prompt ? o->prompt : "";
  if (strlen(prompt) > LONGEST) rt_die(E_OPTION_VALUE, "--prompt has more than %d bytes", LONGEST);
  Sampling s = {.temperature = option("--temperature", o->temperature, 1, 0, 1e6),
                .top_p = option("--top-p", o->top_p, 1, 0, 1),
                .top_k = o->top_k < 0 ? 0 : (int)o->top_k,
                .seed = session_seed(sess)};
  Tokenizer *t = tokenizer_open(o->tokenizer);
  check_vocabulary(sess, t, g);
  char *weights = run_weights(sess);
  session_memory(sess);
  learned_read(sess, weights);
  session_init(sess);
  if (weights) weights_load(sess, weights);
  int n = tokenizer_prompt(t, prompt, strlen(prompt), &id);
  if (!n) rt_die(E_OPTION_VALUE, "--prompt is empty, and the tokenizer has no token that begins a text");
  generator_begin(&k, sess, g, &s, id, n, (int)tokens);
  if (!o->json) rt_out_put(prompt, strlen(prompt));
  generate(&k, t, tokens);
  return 0;
}
