/* SPDX-License-Identifier: Apache-2.0 */
/* `generate`: continues a text token by token. The model is an export from i32[1, T] to the scores of what follows,
 * f32[1, V] or f32[1, T, V]. Each step computes all tokens again, of which the export takes as many as T is bounded by:
 * the last ones. An export with a second input i32, the number of the first token, keeps what it needs of earlier
 * tokens in states: it is called with all tokens once, then with each new one. */
#include "checkpoint.h"
#include "learned.h"
#include "num.h"
#include "rand.h"
#include "run.h"
#include "tokenizer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
  int id;
  double score;
} Candidate;

typedef struct Generator {
  Session *sess;
  const GcGraph *g;
  Tokenizer *t;
  int *id, n, vocab;
  int64_t context; /* the most tokens that the export takes */
  bool cached;
  int first, done; /* cached: the token whose number is 0, and how many from there on are in the states */
  void *in, *out;
  Candidate *order;
  double temperature, top_p;
  int top_k; /* 0: all */
} Generator;

/* ---- the export ---- */

static bool suits(const GcGraph *g) {
  const GcPort *in = g->in, *out = g->out;
  bool numbered = g->nin == 2 && in[1].dtype == GC_I32 && in[1].rank == 0 && g->nsizes == 1;
  return (g->nin == 1 || numbered) && g->nout == 1 && in->dtype == GC_I32 && in->rank == 2 && in->dim[0] == 1 &&
         out->dtype == GC_F32 && (out->rank == 2 || out->rank == 3) && out->dim[0] == 1 &&
         out->dim[out->rank - 1] > 1 && g->nsizes <= 1;
}

static const GcGraph *choose(const Session *sess) {
  const GcModel *m = sess->m;
  for (int nin = 2; nin; nin--)
    for (int i = 0; i < m->nexports; i++) {
      const GcGraph *g = &m->exports[i];
      if (g->nin == nin && suits(g) && (!sess->o.fn || !strcmp(sess->o.fn, g->name))) return g;
    }
  if (sess->o.fn) rt_die(E_UNKNOWN_OPTION, "--fn %s: no export from tokens i32[1, T] to scores f32[1, V]", sess->o.fn);
  rt_die(E_NO_SUCH_PART, "%s has no export from tokens i32[1, T] to scores f32[1, V]", m->name);
}

static double option(const char *name, const char *text, double otherwise, double least, double most) {
  double v = otherwise;
  bool ok = !text || (num_read(GC_F64, &v, 0, text, strlen(text)) == NUM_OK && v >= least && v <= most);
  if (!ok) rt_die(E_OPTION_VALUE, "%s takes a number from %g to %g, not `%s`", name, least, most, text);
  return v;
}

static void prepare(Generator *k) {
  const GcGraph *g = k->g;
  int64_t dim = g->in->dim[1];
  k->context = dim < 0 ? g->dims[-1 - dim].bound : dim;
  k->cached = g->nin == 2;
  k->vocab = (int)g->out->dim[g->out->rank - 1];
  k->in = session_buffer(g, g->in);
  k->out = session_buffer(g, g->out);
  k->order = rt_array((size_t)k->vocab, sizeof *k->order);
  for (int i = k->vocab; i < k->t->n; i++)
    if (k->t->token[i].s)
      rt_die(E_TOKENIZER, "%s: it has a token %d, the model has scores of %d", k->sess->o.tokenizer, i, k->vocab);
}

/* Of the tokens that are not in the states; if they are full, of the last half of all. */
static const float *scores_cached(Generator *k) {
  const GcGraph *g = k->g;
  if (k->n - k->first > k->context) {
    k->first = k->n - (int)(k->context + 1) / 2;
    k->done = 0;
  }
  int32_t at = k->done;
  int64_t T = k->n - k->first - at;
  memcpy(k->in, k->id + k->first + at, (size_t)T * sizeof *k->id);
  session_check(g, session_call(k->sess, g, (const void *[]){k->in, &at}, &k->out, &T));
  k->done += (int)T;
  return (const float *)k->out + (g->out->rank == 3 ? (T - 1) * k->vocab : 0);
}

/* The scores of what follows. */
static const float *scores(Generator *k) {
  const GcGraph *g = k->g;
  if (k->cached) return scores_cached(k);
  int64_t T = k->n < k->context ? k->n : k->context;
  if (!g->nsizes && T < k->context)
    rt_die(E_SIZE_RANGE, "`%s` takes %lld tokens, the prompt has %d\nof a bounded size, `dim T <= %lld`, it takes any",
           g->name, (long long)k->context, k->n, (long long)k->context);
  memcpy(k->in, k->id + k->n - T, (size_t)T * sizeof *k->id);
  session_check(g, session_call(k->sess, g, (const void *[]){k->in}, &k->out, &T));
  return (const float *)k->out + (g->out->rank == 3 ? (T - 1) * k->vocab : 0);
}

/* ---- sampling ---- */

static int by_score(const void *a, const void *b) {
  const Candidate *x = a, *y = b;
  return x->score != y->score ? (x->score < y->score ? 1 : -1) : x->id - y->id;
}

/* The most likely, or one drawn: of the top k, of which the most likely that have top_p together, by their share. */
static int draw(Generator *k, const float *score, uint64_t step) {
  int best = 0, n = k->vocab, kept = 0;
  for (int i = 1; i < n; i++)
    if (score[i] > score[best]) best = i;
  if (k->temperature == 0) return best;
  for (int i = 0; i < n; i++) k->order[i] = (Candidate){i, score[i]};
  qsort(k->order, (size_t)n, sizeof *k->order, by_score);
  if (k->top_k && k->top_k < n) n = k->top_k;
  double sum = 0, cut = 0, first = k->order[0].score;
  for (int i = 0; i < n; i++) sum += k->order[i].score = exp((k->order[i].score - first) / k->temperature);
  while (kept < n && (kept == 0 || cut < k->top_p * sum)) cut += k->order[kept++].score;
  uint32_t bits[4];
  gc_philox(session_seed(k->sess), step, 0x67656e, bits);
  double at = (bits[0] + 0.5) / 4294967296.0 * cut;
  for (int i = 0; i < kept; i++)
    if ((at -= k->order[i].score) < 0) return k->order[i].id;
  return k->order[kept - 1].id;
}

/* ---- text ---- */

static void say(const Generator *k, int id) {
  enum { ROOM = 4096 };
  char text[ROOM];
  int n = tokenizer_text(k->t, id, text, ROOM);
  if (n) rt_out_put(text, (size_t)n);
}

static void generate(Generator *k, const char *prompt, int64_t tokens) {
  int *id, n = tokenizer_encode(k->t, prompt, strlen(prompt), &id);
  int first = n && id[0] == k->t->begin ? -1 : k->t->begin;
  if (first >= 0) {
    int *all = rt_array((size_t)n + 1, sizeof *all);
    all[0] = first;
    if (n) memcpy(all + 1, id, (size_t)n * sizeof *id);
    rt_free(id);
    id = all;
    n++;
  }
  if (!n) {
    if (k->t->end < 0) rt_die(E_OPTION_VALUE, "--prompt is empty, and the tokenizer has no token that begins a text");
    rt_free(id);
    id = rt_array(1, sizeof *id);
    id[n++] = k->t->end;
  }
  k->id = rt_array((size_t)n + (size_t)tokens + 1, sizeof *k->id);
  memcpy(k->id, id, (size_t)n * sizeof *id);
  rt_free(id);
  k->n = n;
  if (!k->sess->o.json) rt_out_put(prompt, strlen(prompt));
  for (int64_t i = 0; i < tokens; i++) {
    int next = draw(k, scores(k), (uint64_t)i);
    if (next == k->t->end) break;
    k->id[k->n++] = next;
    if (!k->sess->o.json) say(k, next);
    if (!k->sess->o.json && !rt_out_send()) break;
  }
  if (!k->sess->o.json) rt_out("\n");
  if (k->sess->o.json) rt_out("{\"prompt_tokens\":%d,\"tokens\":[", n);
  for (int i = 0; i < k->n && k->sess->o.json; i++) rt_out(i ? ",%d" : "%d", k->id[i]);
  if (k->sess->o.json) rt_out("]}\n");
  rt_out_flush();
}

int gc_generate(Session *sess) {
  enum { LONGEST = 1 << 16 };
  const Opts *o = &sess->o;
  Generator k = {.sess = sess, .g = choose(sess)};
  if (!o->tokenizer)
    rt_die(E_OPTION_VALUE, "generate needs --tokenizer FILE: tokenizer.json, vocab.json or tokenizer.model");
  const char *prompt = o->prompt ? o->prompt : "";
  if (strlen(prompt) > LONGEST) rt_die(E_OPTION_VALUE, "--prompt has more than %d bytes", LONGEST);
  k.temperature = option("--temperature", o->temperature, 1, 0, 1e6);
  k.top_p = option("--top-p", o->top_p, 1, 0, 1);
  k.top_k = o->top_k < 0 ? 0 : (int)o->top_k;
  k.t = tokenizer_open(o->tokenizer);
  prepare(&k);
  char *weights = run_weights(sess);
  session_memory(sess);
  learned_read(sess, weights);
  session_init(sess);
  if (weights) weights_load(sess, weights);
  generate(&k, prompt, o->tokens < 0 ? 100 : o->tokens);
  return 0;
}
