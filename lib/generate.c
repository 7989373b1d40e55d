/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers, and the continuation of tokens by an export. */
#include "lib/lib.h"
#include "runtime/generator.h"
#include "runtime/tokenizer.h"
#include <string.h>

struct gradc_tokenizer {
  HostHeap heap; /* owns this struct and all that it points to */
  Tokenizer *t;
  const char *path; /* while it is opened */
};

/* ---- tokenizers ---- */

static void open_tokenizer(void *arg) {
  gradc_tokenizer *k = arg;
  k->t = tokenizer_open(k->path);
}

gradc_status gradc_tokenizer_open(const char *path, const gradc_alloc *alloc, gradc_tokenizer **t,
                                  gradc_error **error) {
  HostHeap h;
  if (t) *t = NULL;
  if (!path || !t) return error_null(error);
  host_heap_init(&h, alloc);
  gradc_tokenizer *k = host_heap_alloc(&h, sizeof *k);
  if (!k) return error_out_of_memory(error);
  k->heap = h;
  k->heap.last = &k->heap.first;
  k->path = path;
  int code = host_heap_try(&k->heap, open_tokenizer, k);
  gradc_status s = code ? error_of_heap(&k->heap, code, error) : GRADC_OK;
  if (s) gradc_tokenizer_free(k);
  else *t = k;
  return s;
}

void gradc_tokenizer_free(gradc_tokenizer *t) {
  if (t) host_heap_free(&t->heap);
}

int gradc_tokenizer_size(const gradc_tokenizer *t) { return t ? t->t->n : 0; }
int32_t gradc_tokenizer_begin(const gradc_tokenizer *t) { return t ? t->t->begin : -1; }
int32_t gradc_tokenizer_end(const gradc_tokenizer *t) { return t ? t->t->end : -1; }

typedef struct TextCall {
  const Tokenizer *t;
  const char *text;
  size_t size;
  int prompt;
  const int32_t *id;
  int32_t *to;
  char *to_text;
  size_t room, n;
} TextCall;

static gradc_status text_call(const gradc_tokenizer *t, void (*fn)(void *arg), TextCall *k, gradc_error **error) {
  HostHeap h;
  k->t = t->t;
  host_heap_init(&h, &t->heap.alloc);
  int code = host_heap_try(&h, fn, k);
  gradc_status s = code ? error_of_heap(&h, code, error) : GRADC_OK;
  host_heap_free(&h);
  return s;
}

static void encode(void *arg) {
  TextCall *k = arg;
  int *id, n = (k->prompt ? tokenizer_prompt : tokenizer_encode)(k->t, k->text, k->size, &id);
  for (int i = 0; i < n && (size_t)i < k->room; i++) k->to[i] = id[i];
  k->n = (size_t)n;
}

gradc_status gradc_encode(const gradc_tokenizer *t, const char *text, size_t size, int prompt, int32_t *tokens,
                          size_t room, size_t *n, gradc_error **error) {
  TextCall k = {.text = text ? text : "", .size = size, .prompt = prompt, .to = tokens, .room = tokens ? room : 0};
  if (!t || !n || (!text && size)) return error_null(error);
  gradc_status s = text_call(t, encode, &k, error);
  if (!s) *n = k.n;
  return s;
}

static void decode(void *arg) {
  TextCall *k = arg;
  char *text = rt_alloc((size_t)k->t->longest + 1);
  for (size_t i = 0; i < k->size; i++) {
    size_t n = (size_t)tokenizer_text(k->t, k->id[i], text, k->t->longest + 1);
    if (k->n < k->room) memcpy(k->to_text + k->n, text, n < k->room - k->n ? n : k->room - k->n);
    k->n += n;
  }
}

gradc_status gradc_decode(const gradc_tokenizer *t, const int32_t *tokens, size_t n, char *text, size_t room,
                          size_t *size, gradc_error **error) {
  TextCall k = {.id = tokens, .size = n, .to_text = text, .room = text ? room : 0};
  if (!t || !size || (!tokens && n)) return error_null(error);
  gradc_status s = text_call(t, decode, &k, error);
  if (!s) *size = k.n;
  return s;
}

/* ---- generation ---- */

typedef struct GenerateCall {
  gradc_model *m;
  int export, n, most;
  const int32_t *prompt;
  gradc_sampling s;
  gradc_token_sink *sink;
  void *user;
} GenerateCall;

static const GcGraph *graph_of(const GenerateCall *k) {
  const GcModel *m = k->m->sess.m;
  if (k->export < 0) return generator_export(&k->m->sess, NULL);
  if (k->export >= m->nexports)
    rt_die(E_NO_SUCH_ENTRY, "%s has no export %d: there are %d", m->name, k->export, m->nexports);
  const GcGraph *g = &m->exports[k->export];
  if (!generator_suits(g))
    rt_die(E_NO_SUCH_PART, "`%s` does not take tokens i32[1, T] and give scores f32[1, V]", g->name);
  return g;
}

static void check_call(const GenerateCall *k) {
  const gradc_sampling *s = &k->s;
  if (!k->sink || !k->prompt) rt_die(E_BAD_CALL, "the sink or the prompt is NULL");
  if (k->n < 1 || k->most < 0 || k->n > INT32_MAX - k->most)
    rt_die(E_BAD_CALL, "%d tokens after a prompt of %d: it needs a token, and both together must fit an int", k->most,
           k->n);
  if (!(s->temperature >= 0 && s->temperature <= 1e6))
    rt_die(E_BAD_CALL, "temperature %g is not in 0 .. 1e6", s->temperature);
  if (!(s->top_p >= 0 && s->top_p <= 1)) rt_die(E_BAD_CALL, "top_p %g is not in 0 .. 1", s->top_p);
  if (s->top_k < 0) rt_die(E_BAD_CALL, "top_k %d is negative", s->top_k);
}

static void generate(void *arg) {
  GenerateCall *k = arg;
  Generator g;
  const GcGraph *graph = graph_of(k);
  check_call(k);
  Sampling s = {k->s.temperature, k->s.top_p, k->s.top_k, k->s.seed ? *k->s.seed : session_seed(&k->m->sess)};
  generator_begin(&g, &k->m->sess, graph, &s, k->prompt, k->n, k->most);
  for (int i = 0; i < k->most; i++) {
    int next = generator_next(&g);
    if (next == k->s.end) return;
    generator_add(&g, next);
    if (k->sink(k->user, next)) return;
  }
}

gradc_status gradc_generate(gradc_model *m, int export_, const int32_t *prompt, int n, const gradc_sampling *sampling,
                            int most, gradc_token_sink *sink, void *user, gradc_error **error) {
  GenerateCall k = {.m = m, .export = export_, .n = n, .most = most, .prompt = prompt, .sink = sink, .user = user};
  k.s = (gradc_sampling)GRADC_SAMPLING;
  if (sampling) memcpy(&k.s, sampling, sampling->size < sizeof k.s ? sampling->size : sizeof k.s);
  return model_call(m, generate, &k, error);
}
