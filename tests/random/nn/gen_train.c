/* SPDX-License-Identifier: Apache-2.0 */
/* Training sections of a network: one, or two that alternate; losses, every optimizer, for all weights or for parts;
 * clipping, noise, averages of weights, assignments to weights, a second instance that follows the first. */
#include "tests/random/nn/nn.h"
#include <string.h>

typedef struct Section {
  bool huge;           /* a loss of 1e21, by plain descent */
  bool joint, curving; /* its optimizer takes the loss, or a curvature: what those refuse is left out */
  bool accumulates, follows;
} Section;

/* ---- optimizers ---- */

static const char *rate(Prog *p) {
  static const char *const form[] = {"%s",
                                     "%s * cosine(step / steps)",
                                     "%s * step_decay(step, 2, 0.5)",
                                     "%s * exponential(step, 0.9)",
                                     "%s * warmup(step, 3)",
                                     "%s * (0.5 + 0.5 * epoch / 10)"};
  static char s[80];
  snprintf(s, sizeof s, form[pc(p, 50) ? 0 : pr(p, 6)], (const char *const[]){"0.1", "0.01", "0.5"}[pr(p, 3)]);
  return s;
}

/* One for the weights that `of` names, "n.v3, ", or for all others: "". */
static void put_optimizer(Program *g, bool plain, const char *of) {
  static const char *const form[] = {"sgd(%slr = %s)",
                                     "sgd(%slr = %s, decay = 0.1)",
                                     "sgd(%slr = %s, momentum = 0.9)",
                                     "sgd(%slr = %s, momentum = 0.9, nesterov = true, decay = 0.1)",
                                     "adam(%slr = %s)",
                                     "adam(%slr = %s, decay = 0.1)",
                                     "adamw(%slr = %s)",
                                     "adamw(%slr = %s, betas = [0.5, 0.9], eps = 0.001)",
                                     "rmsprop(%slr = %s, decay = 0.1)",
                                     "rmsprop(%slr = %s, momentum = 0.5)"};
  static const char *const rare[] = {"adagrad(%slr = %s, lr_decay = 0.1)",
                                     "adadelta(%slr = %s)",
                                     "adamax(%slr = %s)",
                                     "nadam(%slr = %s)",
                                     "radam(%slr = %s)",
                                     "rprop(%slr = %s)",
                                     "asgd(%slr = %s)",
                                     "lion(%slr = %s, decay = 0.1)",
                                     "lamb(%slr = %s)",
                                     "lars(%slr = %s)",
                                     "muon(%slr = %s, iterations = 2)",
                                     "adafactor(%slr = %s)"};
  Prog *p = &g->p;
  const char *f = plain || pc(p, 30) ? form[pr(p, 2)] : pc(p, 65) ? form[pr(p, 10)] : rare[pr(p, 12)];
  put(&g->items, f, of, rate(p));
}

static void write_optimizer(Program *g, const Section *s) {
  Prog *p = &g->p;
  char name[40];
  put(&g->items, "    optim = ");
  snprintf(name, sizeof name, "n.v%d, ", g->weight[0]);
  if (s->joint) {
    put(&g->items, "lbfgs(lr = 0.5, iterations = 3, history = 2)");
  } else if (s->curving) {
    put(&g->items, "sophia(lr = 0.01, every = %d)", 1 + (int)pr(p, 2));
  } else if (!s->huge && g->nweight > 1 && pc(p, 15)) {
    put(&g->items, "[");
    put_optimizer(g, false, name);
    put(&g->items, ", ");
    put_optimizer(g, false, "");
    put(&g->items, "]");
  } else put_optimizer(g, s->huge, !s->huge && g->nweight && pc(p, 5) ? name : "");
  put(&g->items, "\n");
}

/* ---- what else acts on gradients and weights ---- */

static void write_clip(Program *g, const Section *s) {
  Prog *p = &g->p;
  if (s->huge || pc(p, 50)) put(&g->items, "    clip = norm(0.5)\n");
  else if (g->nweight > 1 && pc(p, 30))
    put(&g->items, "    clip = [norm(n.v%d, 0.5), value(n.v%d, 0.01)]\n", g->weight[0], g->weight[1]);
  else if (pc(p, 30)) {
    put(&g->defs, "def halved%d(w: f32[...], g: f32[...]) { 0.5 * g + 0.125 * w }\n", p->next);
    put(&g->items, "    clip = halved%d\n", p->next++);
  } else put(&g->items, "    clip = value(0.01)\n");
}

static void write_settings(Program *g, Section *s) {
  static const char *const average[] = {"0.75", "average(0.5, eval = false)", "average(0.75, export = false)",
                                        "min(0.9, (1 + step) / (10 + step))", "step / (step + 1)"};
  static const char *const bound[] = {"clamp(n, -0.25, 0.25)", "n * 0.75", "where(mod(step, 2) == 0, n * 0.5, n)"};
  Prog *p = &g->p;
  s->accumulates = !s->joint && !s->curving && pc(p, 15);
  if (s->accumulates) put(&g->items, "    accumulate = %d\n", 2 + (int)pr(p, 2));
  if (!s->joint && (s->huge || pc(p, 20))) write_clip(g, s);
  if (!s->huge && pc(p, 25))
    put(&g->items, "    precision = %s\n",
        (const char *const[]){"bf16", "f16", "f16(scale = 1024, interval = 2)", "bf16(master = f32)",
                              "tf32"}[s->joint || s->curving ? 4 * pr(p, 2) : pr(p, pc(p, 80) ? 2 : 5)]);
  if (s->huge || s->joint) return;
  if (pc(p, 6)) put(&g->items, "    grad_noise = 0.01\n");
  bool averages = !g->averaged && pc(p, 12); /* one section of them */
  g->averaged |= averages;
  if (averages) put(&g->items, "    ema = %s\n", average[pr(p, 5)]);
  if (g->nweight && pc(p, 5)) put(&g->items, "    n := %s\n", bound[pr(p, 3)]);
  s->follows = g->nweight && pc(p, 6);
}

/* ---- sections ---- */

static void write_loss(Program *g, const Section *s) {
  static const char *const form[] = {"mean(o * o)",
                                     "mean(o)",
                                     "sum(o) * 0.01",
                                     "mse(o, o * 0 + 0.5)",
                                     "huber(o, o * 0 + 0.25)",
                                     "bce_with_logits(o, f32(o > 0.25))",
                                     "mean(tanh(o))",
                                     "mean(dropout(o, 0.25) ** 2)",
                                     "mean(abs(o))"};
  Prog *p = &g->p;
  const char *scale = s->huge ? "1e21 * " : "", *x = g->has_in ? "x" : "";
  put(&g->items, "    o = n(%s)\n", x);
  if (s->follows) put(&g->items, "    q = mean(o * t(%s)) * 0.25\n    t := lerp(t, n, 0.25)\n", x);
  const char *more = s->follows ? " + q" : "";
  if (g->labels && pc(p, 80))
    put(&g->items, "    loss = %scross_entropy(o, y%s)%s\n", scale, pc(p, 20) ? ", smooth = 0.1" : "", more);
  else put(&g->items, "    loss = %s%s%s%s\n", scale, form[pr(p, 9)], pc(p, 8) ? " * (0.5 + 0.25 * step)" : "", more);
  if (pc(p, 40)) put(&g->items, "    metric.a = %s\n", pc(p, 50) ? "mean(abs(o))" : "max(o) - min(o)");
  if (pc(p, 20)) put(&g->items, "    metric.e = exp(loss * 0.125)\n");
}

static int smaller_batch(Prog *p) { return p->least_batch + (int)pr(p, (uint32_t)(p->batch - p->least_batch + 1)); }

static void write_section(Program *g, bool second) {
  Prog *p = &g->p;
  Section s = {.huge = !second && pc(p, 6)};
  s.joint = !s.huge && !strstr(g->defs.s, "@lr(") && pc(p, 3);
  s.curving = !s.huge && !s.joint && pc(p, 3);
  put(&g->items, "train %s{\n%s", second ? "second " : "", g->has_in ? "    data = d\n" : "");
  if (!second || pc(p, 60)) put(&g->items, "    steps = %d\n", 3 + (int)pr(p, 3));
  if (second && pc(p, 30)) put(&g->items, "    every = 2\n");
  if (g->has_in) put(&g->items, "    batch = %d\n", second ? smaller_batch(p) : p->batch);
  write_settings(g, &s);
  if (!second && pc(p, 40)) put(&g->items, "    seed = %d\n", (int)pr(p, 1000));
  if (s.follows && !strstr(g->defs.s, "\nuse t =")) put(&g->defs, "@freeze\nuse t = net()\n");
  write_loss(g, &s);
  write_optimizer(g, &s);
  put(&g->items, "}\n");
}

void write_train(Program *g) {
  Prog *p = &g->p;
  g->labels = g->has_in && g->out.rank == 2 && g->out.dim[0] == DIM_B && g->out.dim[1] > 1 && pc(p, 60);
  if (g->has_in) {
    Ty t = ty_without(g->in, 0);
    put(&g->items, "data d {\n    source = npy(\"x.npy\"%s)\n    x: %s = field(0)\n%s}\n",
        g->labels ? ", \"y.npy\"" : "", ty_text(&t), g->labels ? "    y: i32 = field(1)\n" : "");
  }
  write_section(g, false);
  if (pc(p, 10)) write_section(g, true);
}
