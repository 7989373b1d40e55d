/* SPDX-License-Identifier: Apache-2.0 */
/* The standard library by name: a maker for every def of std/ that a program may call, at random legal arguments. */
#include "frontend/elab.h"
#include "lib/embed.h"
#include "tests/random/nn/nn.h"
#include <ctype.h>
#include <string.h>

static bool image(const Ty *t) {
  return t->t == DT_F32 && t->rank == 4 && t->dim[1] > 0 && t->dim[2] > 0 && t->dim[3] > 0;
}
static bool rows(const Ty *t) { return t->t == DT_F32 && t->rank > 0 && t->rank < 5 && t->dim[t->rank - 1] > 0; }
static bool sequence(const Ty *t) { return t->t == DT_F32 && t->rank == 3 && t->dim[1] > 0 && t->dim[2] > 0; }
static bool some(const Ty *t) { return dtype_is_float(t->t) && t->rank > 0; }

static const char *drop_in(Prog *p, const char *text) { return pc(p, 30) ? text : ""; }

/* ---- activations and statistics ---- */

static bool unary(Prog *p, const char *name) {
  const Value *a = pv(p, ty_float);
  return a && bind(p, a->ty, "%s(v%d)", name, a->id);
}
static bool along_axis(Prog *p, const char *name) {
  const Value *a = pv(p, some);
  int axis = a ? axis_of(p, &a->ty) : 0;
  return a && a->ty.dim[axis] && bind(p, a->ty, "%s(v%d, axis = %d)", name, a->id, axis);
}
static bool reduced(Prog *p, const char *name) {
  const Value *a = pv(p, some);
  if (!a) return false;
  Ty t = a->ty;
  int axis = axis_of(p, &t);
  bool keep = pc(p, 40);
  if (t.dim[axis] == 0) return false;
  if (keep) t.dim[axis] = 1;
  else t = ty_without(t, axis);
  const char *more = name[0] == 'v' && a->ty.dim[axis] > 1 ? drop_in(p, ", correction = 1") : "";
  return bind(p, t, "%s(v%d, axes = [%d]%s%s)", name, a->id, axis, keep ? ", keep = true" : "", more);
}
static bool of_moments(Prog *p, const char *name) {
  const Value *a = pv(p, some);
  if (!a || ty_count(p, &a->ty) == 0) return false;
  int axis = axis_of(p, &a->ty), m = p->next++, v = p->next++;
  Ty t = a->ty, x = a->ty;
  int id = a->id;
  t = ty_of((DType)t.t, 1, t.dim[axis]);
  put(&p->body, "    v%d, v%d = %s(v%d, keep = %d)\n", m, v, name, id, axis);
  bound_as(p, m, t);
  bound_as(p, v, t);
  return pc(p, 50) || bind(p, x, "(v%d - along(v%d, v%d, axis = %d)) * along(rsqrt(v%d + 0.01), v%d, axis = %d)", id, m,
                           id, axis, v, id, axis);
}
static bool clamped(Prog *p, const char *name) {
  const Value *a = pv(p, ty_float);
  return a && bind(p, a->ty, "%s(v%d, %s, 0.75)", name, a->id, pc(p, 50) ? "-0.5" : "0");
}
static bool flat(Prog *p, const char *name) {
  const Value *a = pv(p, some);
  if (!a || ty_count(p, &a->ty) == 0) return false;
  Ty t = a->ty;
  for (int i = 1; i < t.rank; i++)
    if (t.dim[i] < 0) return false;
  int n = 1;
  for (int i = 1; i < t.rank; i++) n *= t.dim[i];
  return bind(p, ty_of((DType)t.t, 2, t.dim[0], n), "%s(v%d)", name, a->id);
}
static bool masked(Prog *p, const char *name) { /* no row is masked completely */
  const Value *a = pv(p, rows);
  if (!a || a->ty.rank < 2) return false;
  Ty t = a->ty;
  int *last = &t.dim[t.rank - 1], id = a->id;
  if (last[-1] < 0 || last[-1] > *last) {
    last[-1] = *last;
    if (ty_count(p, &t) > p->max_elements || a->ty.dim[t.rank - 2] < 1) return false;
    id = bind(p, t, "v%d' @ v%d * 0.25", id, id)->id;
  }
  return bind(p, t, "softmax(%s(v%d))", name, id);
}

/* ---- layers ---- */

static bool linear(Prog *p, const char *name) {
  const Value *a = pv(p, rows);
  Ty t;
  if (!p->layers || !a) return false;
  t = a->ty;
  t.dim[t.rank - 1] = pdim(p);
  return ty_count(p, &t) <= p->max_elements &&
         bind(p, t, "%s(v%d, %d%s)", name, a->id, t.dim[t.rank - 1], drop_in(p, ", bias = false"));
}

/* A window along one axis: its size, stride and padding; the output's extent. */
static int window(Prog *p, int n, int dilation, int *k, int *stride, int *pad) {
  *pad = pc(p, 50) ? 0 : 1;
  int room = (n + 2 * *pad - 1) / dilation + 1;
  *k = 1 + (int)pr(p, (uint32_t)(room < 5 ? room : 5));
  *stride = pc(p, 65) ? 1 : 1 + (int)pr(p, 3);
  if (2 * *pad > *k) *pad = 0, *k = *k > n ? n : *k;
  if (dilation * (*k - 1) + 1 > n + 2 * *pad) *k = 1, *pad = 0;
  return (n + 2 * *pad - dilation * (*k - 1) - 1) / *stride + 1;
}

static bool conv(Prog *p, const char *name) {
  const Value *a = pv(p, image);
  if (!p->layers || !a) return false;
  Value x = *a;
  int c = x.ty.dim[1], groups = pc(p, 20) ? c : pc(p, 15) && c % 2 == 0 ? 2 : 1, out = groups * pdepth(p);
  int dilation = pc(p, 85) ? 1 : 2, k[2], s[2], pad[2];
  Ty t = x.ty;
  t.dim[1] = out;
  char more[100] = "";
  for (int i = 0; i < 2; i++) t.dim[2 + i] = window(p, x.ty.dim[2 + i], dilation, &k[i], &s[i], &pad[i]);
  if (groups > 1) snprintf(more, sizeof more, ", groups = %d", groups);
  if (dilation > 1) strcat(more, ", dilation = 2");
  strcat(more, drop_in(p, ", bias = false"));
  if (ty_count(p, &t) > p->max_elements || out * c * k[0] * k[1] > 20000) return false;
  if (pc(p, 15)) {
    for (int i = 0; i < 2; i++) t.dim[2 + i] = (x.ty.dim[2 + i] + s[0] - 1) / s[0];
    return bind(p, t, "%s(v%d, %d, k = [%d, %d], stride = %d, pad = \"same\"%s)", name, x.id, out, k[0], k[1], s[0],
                more);
  }
  return bind(p, t, "%s(v%d, %d, k = [%d, %d], stride = [%d, %d], pad = [%d, %d]%s)", name, x.id, out, k[0], k[1], s[0],
              s[1], pad[0], pad[1], more);
}

static bool pool(Prog *p, const char *name) {
  const Value *a = pv(p, image);
  if (!a) return false;
  int k[2], s[2], pad[2];
  Ty t = a->ty;
  for (int i = 0; i < 2; i++) t.dim[2 + i] = window(p, t.dim[2 + i], 1, &k[i], &s[i], &pad[i]);
  return ty_count(p, &t) <= p->max_elements && bind(p, t, "%s(v%d, [%d, %d], stride = [%d, %d], pad = [%d, %d])", name,
                                                    a->id, k[0], k[1], s[0], s[1], pad[0], pad[1]);
}

static bool batch_norm(Prog *p, const char *name) {
  const Value *a = pv(p, some);
  if (!p->layers || !a || a->ty.t != DT_F32 || a->ty.rank < 2 || a->ty.dim[1] < 1) return false;
  enum { PER_CHANNEL = 4 };
  int64_t n = ty_count(p, &a->ty) / a->ty.dim[1];
  if (n < PER_CHANNEL) return false;
  if (a->ty.dim[0] == DIM_B) { /* the second section has batches of its own */
    int64_t each = n / p->batch, least = (PER_CHANNEL + each - 1) / each;
    if (least > p->least_batch) p->least_batch = (int)least;
  }
  return bind(p, a->ty, "%s(v%d%s)", name, a->id, drop_in(p, ", momentum = 0.25"));
}
static bool norm(Prog *p, const char *name) {
  const Value *a = pv(p, rows);
  return p->layers && a && bind(p, a->ty, "%s(v%d%s)", name, a->id, drop_in(p, ", eps = 0.001"));
}
static bool drop(Prog *p, const char *name) {
  static const char *const part[] = {"0.5", "0.1", "0.25", "0", "1"};
  const Value *a = pv(p, ty_f32);
  return a && bind(p, a->ty, "%s(v%d, %s)", name, a->id, part[pr(p, pc(p, 90) ? 3 : 5)]);
}
static bool embed(Prog *p, const char *name) {
  const Value *a = pv(p, ty_f32);
  if (!p->layers || !a || a->ty.rank > 2) return false;
  Ty t = a->ty;
  t.dim[t.rank++] = 1 + (int)pr(p, 8);
  return ty_count(p, &t) <= p->max_elements &&
         bind(p, t, "%s(i32(abs(v%d) * 4), %d, %d)", name, a->id, 3 + (int)pr(p, 9), t.dim[t.rank - 1]);
}
static bool recurrent(Prog *p, const char *name) {
  const Value *a = pv(p, sequence);
  if (!p->layers || !a) return false;
  static const char *const passes[] = {"", "", ", reverse = true", ", layers = 2, p = 0.25", ", bidirectional = true"};
  Ty t = a->ty;
  int hidden = 1 + (int)pr(p, 9), k = (int)pr(p, 5);
  char lengths[60] = "";
  if (pc(p, 25)) snprintf(lengths, sizeof lengths, ", lengths = argmin(v%d[:, 0]) + 1", a->id);
  t.dim[2] = k == 4 ? 2 * hidden : hidden;
  return ty_count(p, &t) <= p->max_elements && bind(p, t, "%s(v%d, %d%s%s)", name, a->id, hidden, passes[k], lengths);
}
static bool cell(Prog *p, const char *name) { /* one step by itself, on the first of a sequence */
  const Value *a = pv(p, sequence);
  if (!p->layers || !a) return false;
  int x = a->id, d = a->ty.dim[2], h = 1 + (int)pr(p, d < 9 ? (uint32_t)d : 9); /* the state is a slice of x */
  Ty t = ty_of(DT_F32, 2, a->ty.dim[0], h);
  int wx = p->next++, wh = p->next++, state = p->next++, y = p->next++;
  put(&p->body, "    param v%d: f32[%d, %d] = kaiming\n    param v%d: f32[%d, %d] = kaiming\n", wx, d, 4 * h, wh, h,
      4 * h);
  put(&p->body, "    v%d = v%d[:, 0, 0:%d]\n", state, x, h);
  put(&p->body, "    v%d, unused%d = %s(v%d[:, 0] @ v%d, v%d, v%d * 0.5, v%d)\n", y, y, name, x, wx, state, state, wh);
  return bound_as(p, y, t);
}
static bool attention(Prog *p, const char *name) {
  const Value *a = pv(p, sequence);
  if (!p->layers || !a || a->ty.dim[1] > 20 || a->ty.dim[2] > 32) return false;
  int heads = a->ty.dim[2] % 2 == 0 && pc(p, 60) ? 2 : 1;
  return bind(p, a->ty, "%s(v%d, heads = %d%s)", name, a->id, heads, drop_in(p, ", causal = false"));
}
static bool perceptron(Prog *p, const char *name) {
  static const char *const act[] = {"", ", act = relu", ", act = tanh", ", act = dropout(p = 0.25)", ", act = silu"};
  const Value *a = pv(p, rows);
  return p->layers && a && bind(p, a->ty, "%s(v%d, %d%s)", name, a->id, pdim(p), act[pr(p, 5)]);
}
/* ---- losses, initialisers, schedules ---- */

static bool loss(Prog *p, const char *name) {
  const Value *a = pv(p, rows);
  if (!a || ty_count(p, &a->ty) == 0) return false;
  Value x = *a;
  const char *other = pc(p, 40) ? "v%1$d * 0 + 0.5" : "f32(v%1$d > 0.25)";
  char t[60];
  snprintf(t, sizeof t, other, x.id);
  if (name[0] != 'c')
    return bind(p, ty_of(DT_F32, 0), "%s(v%d, %s%s)", name, x.id, t, name[0] == 'h' ? drop_in(p, ", delta = 0.5") : "");
  return bind(p, ty_of(DT_F32, 0), "%s(v%d, argmax(v%d * 0.5)%s)", name, x.id, x.id, drop_in(p, ", smooth = 0.1"));
}
static bool initial(Prog *p, const char *name) {
  const Value *a = pv(p, rows);
  if (!a || a->ty.rank < 2 || !ty_known(&a->ty) || !ty_count(p, &a->ty)) return false;
  Value x = *a;
  return bind(p, x.ty, "v%d + 0.1 * %s(v%d)", x.id, name, x.id);
}
static bool schedule(Prog *p, const char *name) {
  const Value *a = pv(p, ty_f32);
  const char *more = !strcmp(name, "step_decay") ? ", 2, 0.5" : name[0] == 'e' ? ", 0.9" : name[0] == 'w' ? ", 10" : "";
  return a && bind(p, a->ty, "v%d * %s(%d%s)", a->id, name, 1 + (int)pr(p, 7), more);
}
static bool check(Prog *p, const char *name) { /* of a few elements: differences of each are many nodes */
  const Value *a = pv(p, rows);
  if (!a || !ty_known(&a->ty) || ty_count(p, &a->ty) < 1) return false;
  Value x = *a;
  int64_t n = ty_count(p, &x.ty);
  Ty t = ty_of(DT_F32, 1, n < 3 ? (int)n : 3);
  int id = bind(p, t, "reshape(v%d, [-1])[0:%d]", x.id, t.dim[0])->id;
  if (name[0] == 'f') return bind(p, t, "%s(sum(sin(v%d) ** 3), v%d, cos(v%d))", name, id, id, id);
  return bind(p, ty_of(DT_F32, 0), "0.01 * %s(tanh, v%d)", name, id);
}

/* ---- the table ---- */

typedef bool Make(Prog *p, const char *name);
static const struct {
  const char *name;
  int weight;
  Make *make;
} maker[] = {
  {"relu", 2, unary},
  {"gelu", 2, unary},
  {"gelu_tanh", 1, unary},
  {"silu", 1, unary},
  {"softmax", 2, along_axis},
  {"log_softmax", 2, along_axis},
  {"mean", 2, reduced},
  {"var", 2, reduced},
  {"moments", 2, of_moments},
  {"clamp", 1, clamped},
  {"flatten", 1, flat},
  {"causal_mask", 1, masked},
  {"linear", 6, linear},
  {"conv2d", 9, conv},
  {"max_pool2d", 3, pool},
  {"avg_pool2d", 3, pool},
  {"batchnorm", 4, batch_norm},
  {"layernorm", 3, norm},
  {"rmsnorm", 2, norm},
  {"dropout", 4, drop},
  {"embedding", 2, embed},
  {"lstm_cell", 2, cell},
  {"lstm", 3, recurrent},
  {"rnn", 1, recurrent},
  {"gru", 1, recurrent},
  {"self_attention", 3, attention},
  {"mlp", 2, perceptron},
  {"transformer_block", 2, attention},
  {"mse", 1, loss},
  {"cross_entropy", 1, loss},
  {"bce_with_logits", 1, loss},
  {"huber", 1, loss},
  {"kaiming", 2, initial},
  {"xavier", 2, initial},
  {"normal", 2, initial},
  {"uniform", 2, initial},
  {"cosine", 2, schedule},
  {"step_decay", 2, schedule},
  {"exponential", 2, schedule},
  {"warmup", 2, schedule},
  {"gradcheck", 2, check},
  {"fd_hvp", 2, check},
  {"", 16, make_std_row},
};
/* Called only by training sections, whose settings gen_program.c makes. */
static const char *const of_sections[] = {
  "sgd",  "adam", "adamw", "rmsprop", "adagrad", "adadelta",  "adamax",  "nadam",  "radam", "rprop",
  "asgd", "lion", "lamb",  "lars",    "muon",    "adafactor", "plateau", "sophia", "lbfgs",
};
/* Metrics of all records, which cannot meet values of one batch: tests/golden compares them with scikit-learn. */
static const char *const of_metrics[] = {
  "confusion",     "precision", "recall", "fbeta",      "f1", "iou", "accuracy",
  "topk_accuracy", "mcc",       "kappa",  "perplexity", "r2", "auc", "average_precision",
};
enum { MAKERS = sizeof maker / sizeof *maker, ROWS = MAKERS - 1 }; /* the last maker: any row of gen_std_more.c */

static bool call_wanted(Prog *p) {
  int k = (int)(p->wanted % (uint64_t)(ROWS + std_rows()));
  return k < ROWS ? maker[k].make(p, maker[k].name) : write_std_row(p, k - ROWS);
}

void make_wanted(Prog *p) {
  for (bool made = false; p->wants; p->wants--, p->wanted++) {
    if (call_wanted(p) || made) continue;
    for (int rank = 2; rank <= 4; rank++) { /* operands for the rest */
      Ty t = ty_of(DT_F32, rank, 2, 4, 6, 5);
      if (p->layers) {
        put(&p->body, "    param v%d: %s = normal(0.5)\n", p->next, ty_text(&t));
        bound_as(p, p->next++, t);
      } else bind(p, t, "cumsum(ones(%s), axis = 0) * 0.25", ty_sizes(&t));
    }
    made = true;
    call_wanted(p);
  }
}

bool make_std(Prog *p) {
  uint32_t all = 0;
  for (size_t i = 0; i < MAKERS; i++) all += (uint32_t)maker[i].weight;
  uint32_t k = pr(p, all);
  size_t i = 0;
  while (k >= (uint32_t)maker[i].weight) k -= (uint32_t)maker[i++].weight;
  return maker[i].make(p, maker[i].name);
}

static bool known(const char *name, size_t n) {
  for (size_t i = 0; i < ROWS; i++)
    if (strlen(maker[i].name) == n && !strncmp(maker[i].name, name, n)) return true;
  for (size_t i = 0; i < sizeof of_sections / sizeof *of_sections; i++)
    if (strlen(of_sections[i]) == n && !strncmp(of_sections[i], name, n)) return true;
  for (size_t i = 0; i < sizeof of_metrics / sizeof *of_metrics; i++)
    if (strlen(of_metrics[i]) == n && !strncmp(of_metrics[i], name, n)) return true;
  return false;
}

int std_without_maker(void) {
  int n = 0;
  for (int i = 0; elab_builtin_files[i]; i++) {
    const char *at = elab_builtin_files[i];
    size_t size;
    for (const char *s = embed_text(at, &size); s; s = strstr(s, "\ndef ")) {
      s += s[0] == '\n';
      size_t k = strncmp(s, "def ", 4) ? 0 : strcspn(s + 4, "(");
      if (k && s[4] != '_' && !known(s + 4, k) && !std_has_row(s + 4, k) && ++n)
        printf("FAIL  no random program calls `%.*s` of %s: tests/random/nn/gen_std.c needs a maker for it\n", (int)k,
               s + 4, at);
      s += !k;
    }
  }
  return n;
}

int std_seen(const char *text, bool *seen, const char **name) {
  int n = ROWS + std_rows();
  for (int i = 0; i < n; i++) {
    char call[40];
    name[i] = i < ROWS ? maker[i].name : std_row_name(i - ROWS);
    snprintf(call, sizeof call, "%s(", name[i]);
    for (const char *at = text; !seen[i] && (at = strstr(at, call)); at++)
      seen[i] = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
  }
  return n;
}
