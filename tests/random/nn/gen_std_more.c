/* SPDX-License-Identifier: Apache-2.0 */
/* Defs of std whose result has the shape of an operand, or none: one row each. */
#include "tests/random/nn/nn.h"
#include <string.h>

/* The operand of a row, and what it gives. ANY: a float of any shape; AXIS: with an axis of known extent above 0;
 * LINE: of known extent, OPEN: of any; WEIGHTS: at least two axes, and weights may be made; EVEN: the axis has
 * an even extent, of which half is given; ROWS: a last axis above 0; PAIR, IMAGE, VOLUME: two or four axes of known
 * extents above 0; SMALL: two of at most 32; SEQUENCE: three axes, weights may be made; LOSS: as ROWS, and a scalar is
 * given; PAIRS, TIMES: the same of two and of three axes. */
typedef enum Form {
  ANY,
  AXIS,
  LINE,
  OPEN,
  WEIGHTS,
  EVEN,
  ROWS,
  PAIR,
  SMALL,
  IMAGE,
  VOLUME,
  SEQUENCE,
  LOSS,
  PAIRS,
  TIMES
} Form;

/* `$` stands for the operand, `#` for the axis. */
static const struct {
  const char *name;
  Form form;
  const char *text;
} row[] = {
  {"relu6", ANY, "relu6($ * 4)"},
  {"hardtanh", ANY, "hardtanh($, -0.5, 0.75)"},
  {"threshold", ANY, "threshold($, 0.25, 2)"},
  {"leaky_relu", ANY, "leaky_relu($, 0.25)"},
  {"prelu", WEIGHTS, "prelu($)"},
  {"rrelu", ANY, "rrelu($)"},
  {"elu", ANY, "elu($, 0.75)"},
  {"celu", ANY, "celu($, alpha = 0.75)"},
  {"selu", ANY, "selu($)"},
  {"hardsigmoid", ANY, "hardsigmoid($)"},
  {"hardswish", ANY, "hardswish($)"},
  {"softplus", ANY, "softplus($, beta = 2)"},
  {"mish", ANY, "mish($)"},
  {"logsigmoid", ANY, "logsigmoid($)"},
  {"softsign", ANY, "softsign($)"},
  {"tanhshrink", ANY, "tanhshrink($)"},
  {"hardshrink", ANY, "hardshrink($, 0.25)"},
  {"softshrink", ANY, "softshrink($, at = 0.25)"},
  {"softmin", LINE, "softmin($, axis = #)"},
  {"gumbel_softmax", LINE, "gumbel_softmax($, 2, axis = #)"},
  {"glu", EVEN, "glu($, #)"},
  {"reglu", EVEN, "reglu($, axis = #)"},
  {"geglu", EVEN, "geglu($, axis = #)"},
  {"swiglu", EVEN, "swiglu($, #)"},
  {"l1", LOSS, "l1($, tanh($))"},
  {"smooth_l1", LOSS, "smooth_l1($, $ * 0.5, 0.5)"},
  {"soft_cross_entropy", LOSS, "soft_cross_entropy($, softmax($ * 0.5), smooth = 0.1)"},
  {"nll", LOSS, "nll(log_softmax($), argmax($ * 0.5), ignore = 1, how = \"sum\")"},
  {"multi_margin", LOSS, "multi_margin($, argmin($))"},
  {"multilabel_margin", LOSS, "multilabel_margin($, i32($ * 0) - 1 + i32($ > 0.25))"},
  {"multilabel_soft_margin", LOSS, "multilabel_soft_margin($, sigmoid($))"},
  {"bce", LOSS, "bce(sigmoid($), f32($ > 0.25))"},
  {"focal", LOSS, "focal($, f32($ > 0.25))"},
  {"kl_div", LOSS, "kl_div(log_softmax($), softmax($ * 0.5), how = \"sum\")"},
  {"poisson_nll", LOSS, "poisson_nll(tanh($), abs($) + 1, full = true)"},
  {"gaussian_nll", LOSS, "gaussian_nll($, $ * 0.5, $ * $ + 0.5)"},
  {"margin_ranking", LOSS, "margin_ranking($, $ * 0.5, sign($), 0.25)"},
  {"hinge_embedding", LOSS, "hinge_embedding($, where($ > 0.25, 1, $ * 0 - 1))"},
  {"soft_margin", LOSS, "soft_margin($, sign($))"},
  {"cosine_embedding", LOSS, "cosine_embedding($, tanh($), sign(sum($, axes = [-1])))"},
  {"triplet_margin", LOSS, "triplet_margin($, tanh($), $ * 0.5, swap = true)"},
  {"triplet_margin_with_distance", LOSS, "triplet_margin_with_distance($, $ * 0.25, cos($))"},
  {"norm", LOSS, "norm($) + norm($, inf)"},
  {"normalize", ROWS, "normalize($)"},
  {"pairwise_distance", ROWS, "$ + pairwise_distance($, tanh($), keep = true)"},
  {"cosine_similarity", ROWS, "$ * last_axis(cosine_similarity($, cos($)))"},
  {"multi_step", ANY, "$ * in_type_of(multi_step(3, [2, 5]), $)"},
  {"constant_lr", ANY, "$ * in_type_of(constant_lr(3, 5), $)"},
  {"linear_lr", ANY, "$ * in_type_of(linear_lr(3, 5), $)"},
  {"polynomial", ANY, "$ * in_type_of(polynomial(3, 5, 2), $)"},
  {"cosine_annealing", ANY, "$ * in_type_of(cosine_annealing(3, 5), $)"},
  {"warm_restarts", ANY, "$ * in_type_of(warm_restarts(3, 5), $)"},
  {"cyclic", ANY, "$ * in_type_of(cyclic(3, 0.5, 5), $)"},
  {"one_cycle", ANY, "$ * in_type_of(one_cycle(3, 10), $)"},
  {"inverse_sqrt", ANY, "$ * in_type_of(inverse_sqrt(3, 5), $)"},
  {"warmup_cosine", ANY, "$ * in_type_of(warmup_cosine(3, 2, 10), $)"},
  {"constant", ANY, "$ + in_type_of(constant($, 0.5), $)"},
  {"kaiming_uniform", PAIR, "$ + 0.1 * kaiming_uniform($)"},
  {"kaiming_normal", PAIR, "$ + 0.1 * kaiming_normal($, mode = \"out\")"},
  {"xavier_uniform", PAIR, "$ + 0.1 * xavier_uniform($)"},
  {"xavier_normal", PAIR, "$ + 0.1 * xavier_normal($)"},
  {"trunc_normal", PAIR, "$ + 0.1 * trunc_normal($)"},
  {"orthogonal", PAIR, "$ + 0.1 * orthogonal($)"},
  {"identity", PAIR, "$ * identity($)"},
  {"dirac", IMAGE, "$ + dirac($)"},
  {"rnn_cell", SEQUENCE, "$ * unsqueeze(rnn_cell($[:, 0], tanh($[:, 0]), 0.1 * $[:, 0]' @ $[:, 0]), 1)"},
  {"gru_cell", SEQUENCE,
   "$ + unsqueeze(gru_cell(concat([$[:, 0], $[:, 0], $[:, 0]], axis = 1), $[:, 0], "
   "concat([0.1 * $[:, 0]' @ $[:, 0], $[:, 0]' @ $[:, 0], $[:, 0]' @ $[:, 0]], axis = 1), ones(3 * size($, 2))), 1)"},
  {"learned_positions", SEQUENCE, "learned_positions($, size($, 1) + 1)"},
  {"rotary", SEQUENCE, "rotary(concat([$, $], axis = 2), start = 1, interleaved = true)[:, :, 0:size($, 2)]"},
  {"alibi", SEQUENCE, "alibi($)"},
  {"relative_bias", IMAGE, "relative_bias($, 2)"},
  {"sinusoidal", SEQUENCE, "$ * sinusoidal(size($, 1), size($, 2))"},
  {"dropout1d", SEQUENCE, "dropout1d($, 0.25)"},
  {"alpha_dropout", SEQUENCE, "alpha_dropout($, 0.25)"},
  {"feature_alpha_dropout", SEQUENCE, "feature_alpha_dropout($, 0.25)"},
  {"droppath", SEQUENCE, "droppath($, 0.25)"},
  {"squeeze_excite", SEQUENCE, "squeeze_excite($, 1)"},
  {"gated_mlp", WEIGHTS, "gated_mlp($, 3)"},
  {"embedding_bag", SEQUENCE, "$ + unsqueeze(embedding_bag(argmax($), 9, size($, 2), padding = 1), 1)"},
  {"bilinear", SEQUENCE, "$ + unsqueeze(bilinear($[:, 0], tanh($[:, 0]), size($, 2)), 1)"},
  {"interpolate", SEQUENCE, "$ * interpolate(interpolate($, 5, \"linear\"), size($, 2), \"linear\", true)"},
  {"dropout2d", IMAGE, "dropout2d($, 0.25)"},
  {"dropout3d", VOLUME, "dropout3d(unsqueeze($, 2), 0.25)[:, :, 0]"},
  {"upsample_bilinear", IMAGE, "avg_pool2d(upsample_bilinear($, 2), 2)"},
  {"upsample_bicubic", IMAGE, "avg_pool2d(upsample_bicubic($, 2, true), 2)"},
  {"spectral_norm", IMAGE, "$ * spectral_norm(sum($, axes = [2, 3]) + 1, axis = 1)[0, 0]"},
  {"spectral_norm_linear", WEIGHTS, "spectral_norm_linear($, size($, -1))"},
  {"encoder_layer", SEQUENCE, "encoder_layer($, 1, 3, p = 0.25)"},
  {"decoder_layer", SEQUENCE,
   "decoder_layer($, tanh($), 1, 3, gelu, p = 0, prenorm = true, padding = $[:, :, 0] < 0.25)"},
  {"transformer_encoder", SEQUENCE, "transformer_encoder($, 2, 1, 3, p = 0, prenorm = true, causal = true)"},
  {"transformer_decoder", SEQUENCE, "transformer_decoder($, $, 1, 1, 3, tanh, p = 0.25)"},
  {"transformer", SEQUENCE, "transformer($, sin($), 1, 1, 3, p = 0)"},
  {"max_unpool1d", SEQUENCE, "max_unpool1d($, argmax(unsqueeze($, -1)) + iota(size($, 2)), 1)"},
  {"max_unpool2d", IMAGE, "max_unpool2d($, argmin(unsqueeze($, -1)) + iota(size($, 3)), 1)"},
  {"max_unpool3d", VOLUME, "max_unpool3d(unsqueeze($, 2), argmin(unsqueeze(unsqueeze($, 2), -1)), 1)[:, :, 0]"},
  {"pad", SEQUENCE, "pad(pad($, [1, 2], 1, mode = \"replicate\"), [2, 1], -1)"},
  {"max_pool1d_at", SEQUENCE, "max_pool1d_at($, 3, 1, 1)[0]"},
  {"max_pool2d_at", IMAGE, "where(max_pool2d_at($, 3, 1, 1)[1] > 2, $, 0)"},
  {"max_pool3d_at", VOLUME, "max_pool3d_at(unsqueeze($, 2), [1, 3, 3], 1, [0, 1, 1])[0][:, :, 0]"},
  {"conv1d", SEQUENCE, "conv1d($, size($, 1), 3, pad = \"same\")"},
  {"causal_conv1d", SEQUENCE, "causal_conv1d($, size($, 1), 2)"},
  {"conv_transpose1d", SEQUENCE, "conv_transpose1d($, size($, 1), 3, pad = 1)"},
  {"max_pool1d", SEQUENCE, "max_pool1d($, 3, 1, 1)"},
  {"avg_pool1d", SEQUENCE, "avg_pool1d($, 3, 1, 1, count_pad = false)"},
  {"lp_pool1d", SEQUENCE, "lp_pool1d(abs($) + 0.5, 3, 1)"},
  {"adaptive_avg_pool1d", SEQUENCE, "$ + adaptive_avg_pool1d($, 1)"},
  {"adaptive_max_pool1d", SEQUENCE, "$ + adaptive_max_pool1d($, 1)"},
  {"global_avg_pool", SEQUENCE, "$ * last_axis(global_avg_pool($))"},
  {"global_max_pool", SEQUENCE, "$ * last_axis(global_max_pool($))"},
  {"channel_shuffle", SEQUENCE, "channel_shuffle($, size($, 1))"},
  {"groupnorm", SEQUENCE, "groupnorm($, 1)"},
  {"instancenorm", SEQUENCE, "instancenorm($, affine = true)"},
  {"local_response_norm", SEQUENCE, "local_response_norm($, 3)"},
  {"random_flip", IMAGE, "random_flip($)"},
  {"random_crop", IMAGE, "random_crop($, pad = 1)"},
  {"random_resized_crop", IMAGE, "random_resized_crop($, size($, 2), size($, 3))"},
  {"random_rotate", IMAGE, "random_rotate($, 20)"},
  {"random_noise", IMAGE, "random_noise($, 0.1)"},
  {"random_erase", IMAGE, "random_erase($)"},
  {"cutout", IMAGE, "cutout($, 2)"},
  {"color_jitter", IMAGE, "$ * mean(color_jitter($[:, 0:1] * reshape([1, 0.5, 0.25], [3, 1, 1]), 0.2, 0.2, 0.2))"},
  {"depthwise_conv2d", IMAGE, "depthwise_conv2d($, 3, pad = 1)"},
  {"conv_transpose2d", IMAGE, "conv_transpose2d($, size($, 1), 3, pad = 1)"},
  {"lp_pool2d", IMAGE, "lp_pool2d(abs($) + 0.5, 3, 1)"},
  {"adaptive_avg_pool2d", IMAGE, "$ + adaptive_avg_pool2d($, 1)"},
  {"adaptive_max_pool2d", IMAGE, "$ + adaptive_max_pool2d($, 1)"},
  {"unfold2d", IMAGE, "fold2d(unfold2d($, 3, pad = 1), [size($, 2), size($, 3)], 3, pad = 1)"},
  {"fold2d", IMAGE, "fold2d(unfold2d($, 1), [size($, 2), size($, 3)], 1)"},
  {"pixel_shuffle", IMAGE, "pixel_unshuffle(sin(pixel_shuffle($, 1)), 1)"},
  {"pixel_unshuffle", IMAGE, "pixel_shuffle(pixel_unshuffle($, 1), 1)"},
  {"upsample_nearest", IMAGE, "avg_pool2d(upsample_nearest($, 2), 2)"},
  {"attention", IMAGE, "attention($, $[:, 0:1], tanh($)[:, 0:1], causal = true) + attention($, $, $, $ @ $' > 0.25)"},
  {"multi_head_attention", SEQUENCE, "multi_head_attention($, $, $, 1, padding = $[:, :, 0] > 0.25, p = 0.25)"},
  {"conv3d", VOLUME, "conv3d(unsqueeze($, 2), size($, 1), 3, pad = 1)[:, :, 0]"},
  {"conv_transpose3d", VOLUME, "conv_transpose3d(unsqueeze($, 2), size($, 1), 3, pad = 1)[:, :, 0]"},
  {"max_pool3d", VOLUME, "max_pool3d(unsqueeze($, 2), [1, 3, 3], 1, [0, 1, 1])[:, :, 0]"},
  {"avg_pool3d", VOLUME, "avg_pool3d(unsqueeze($, 2), [1, 3, 3], 1, [0, 1, 1])[:, :, 0]"},
  {"lp_pool3d", VOLUME, "lp_pool3d(abs(unsqueeze($, 2)) + 0.5, 3, 1)[:, :, 0]"},
  {"adaptive_avg_pool3d", VOLUME, "$ + adaptive_avg_pool3d(unsqueeze($, 2), 1)[:, :, 0]"},
  {"adaptive_max_pool3d", VOLUME, "$ + adaptive_max_pool3d(unsqueeze($, 2), 1)[:, :, 0]"},
  {"weight_norm", PAIR, "weight_norm($, sum($, axes = [1]), 0)"},
  {"weight_norm_linear", WEIGHTS, "weight_norm_linear($, size($, -1))"},
  {"square", ANY, "square($)"},
  {"reciprocal", ANY, "reciprocal(abs($) + 1)"},
  {"exp2", ANY, "exp2(tanh($))"},
  {"log2", ANY, "log2(abs($) + 1)"},
  {"log10", ANY, "log10(abs($) + 1)"},
  {"trunc", ANY, "$ - trunc($)"},
  {"frac", ANY, "frac($)"},
  {"isnan", ANY, "where(isnan($), 0, $)"},
  {"isinf", ANY, "where(isinf($), 0, $)"},
  {"isfinite", ANY, "where(isfinite($), $, 0)"},
  {"xlogy", ANY, "xlogy($, abs($) + 1)"},
  {"logaddexp", ANY, "logaddexp($, tanh($))"},
  {"lerp", ANY, "lerp($, tanh($), 0.25)"},
  {"logsumexp", LINE, "$ - logsumexp($, axes = [#], keep = true)"},
  {"std", AXIS, "$ * std($, axes = [#], keep = true)"},
  {"any", LINE, "where(any($ > 0.25, axes = [#], keep = true), $, 0)"},
  {"all", LINE, "where(all($ > 0.25, axes = [#], keep = true), $, 0)"},
  {"count_nonzero", LINE, "where(count_nonzero($, [#], keep = true) > 1, $, 0)"},
  {"roll", LINE, "roll($, 2, axis = #)"},
  {"flip", LINE, "flip($, [#])"},
  {"diff", AXIS, "$ + sum(diff($, #), axes = [#], keep = true)"},
  {"masked_fill", ANY, "masked_fill($, $ > 0.25, 2)"},
  {"tril", PAIR, "tril($, 1)"},
  {"triu", PAIR, "triu($, -1)"},
  {"trace", PAIR, "$ * trace($)"},
  {"outer", PAIR, "outer($[:, 0], $[0])"},
  {"dot", PAIR, "$ * dot($[0], $[0])"},
  {"eye", PAIR, "$ * eye(size($, 0), size($, 1))"},
  {"arange", PAIR, "$ + arange(size($, 1))"},
  {"full", PAIR, "$ + full([size($, 0), 1], 0.5)"},
  {"one_hot", PAIR, "$ * one_hot(argmax($), size($, 1))"},
  {"remainder", ANY, "remainder($, 0.75)"},
  {"fmod", ANY, "fmod($, 0.75)"},
  {"hypot", ANY, "hypot($, abs($) + 1)"},
  {"copysign", ANY, "copysign($, tanh($))"},
  {"heaviside", ANY, "$ * heaviside($, abs($))"},
  {"sinc", ANY, "sinc($)"},
  {"logit", ANY, "logit(sigmoid($) * 0.5 + 0.25)"},
  {"isclose", ANY, "where(isclose($, tanh($)), 0, $)"},
  {"nan_to_num", ANY, "nan_to_num($)"},
  {"zeros_like", ANY, "$ + zeros_like($)"},
  {"ones_like", ANY, "$ + ones_like($)"},
  {"full_like", ANY, "$ * full_like($, 0.5)"},
  {"linspace", PAIR, "$ + linspace(0, 1, size($, 1))"},
  {"logspace", PAIR, "$ * logspace(0, 1, size($, 1), 2)"},
  {"diagonal", PAIR, "$ * sum(diagonal($))"},
  {"diag", PAIR, "$ * sum(diag(diag($[0], 1)))"},
  {"diag_embed", PAIR, "$ @ diag_embed($[0])"},
  {"cross", PAIR, "$ + sum(cross(concat([$, $, $], 1)[:, 0:3], concat([$, $, $], 1)[:, 0:3] * 0.5))"},
  {"kron", PAIR, "$ * sum(kron($[0], $[0]))"},
  {"cdist", PAIR, "$ + sum(cdist($, tanh($)))"},
  {"trapezoid", PAIR, "$ * last_axis(trapezoid($))"},
  {"prod", LINE, "$ * prod(tanh($), axes = [#], keep = true)"},
  {"cumprod", LINE, "cumprod(tanh($), #)"},
  {"logcumsumexp", LINE, "logcumsumexp($, #)"},
  {"cummax", LINE, "cummax($, #)"},
  {"cummin", LINE, "cummin($, #, reverse = true)"},
  {"argsort", OPEN, "where(argsort($, #) > 1, $, 0)"},
  {"sort", OPEN, "sort($, #)"},
  {"topk", AXIS, "$ + topk($, 1, #)[0]"},
  {"kthvalue", AXIS, "$ - kthvalue($, 1, #, keep = true)"},
  {"median", AXIS, "$ - median($, #, keep = true)"},
  {"quantile", AXIS, "$ - quantile($, 0.25, #, keep = true)"},
  {"gather", PAIR, "gather($, i32($ * 0), 1)"},
  {"take_along", PAIR, "$ * take_along($, last_axis(argmax($)), 1)"},
  {"index_select", PAIR, "index_select($, argsort($[0]), 1)"},
  {"index_add", PAIR, "index_add($, argmax($), $)"},
  {"scatter", PAIR, "scatter($, i32($ * 0), tanh($), 0, \"max\")"},
  {"segment", PAIR, "$ * segment($, argmax($), 1, \"mean\")"},
  {"masked_select", PAIR, "$ * sum(masked_select($, $ > 0.25)[0])"},
  {"bincount", PAIR, "$ * bincount(argmax($), size($, 1))"},
  {"histc", PAIR, "$ * histc($, size($, 1), -1, 1)"},
  {"bucketize", PAIR, "where(bucketize($, [0.0, 0.5]) > 1, $, 0)"},
  {"det", SMALL, "$ * det(tanh($' @ $) + eye(size($, 1)))"},
  {"solve", SMALL, "solve(tanh($ @ $') + eye(size($, 0)) * 8, $)"},
  {"inverse", SMALL, "inverse(tanh($ @ $') + eye(size($, 0)) * 8) @ $"},
  {"cholesky", SMALL, "cholesky(tanh($) @ tanh($)' + eye(size($, 0))) @ $"},
  {"matrix_power", PAIR, "matrix_power(tanh($ @ $'), 2) @ $"},
  {"dft", PAIR, "dft($)[0]"},
  {"idft", PAIR, "idft($, $)[1]"},
  {"dice", PAIRS, "dice(sigmoid($), f32($ > 0.25))"},
  {"info_nce", PAIR, "$ * info_nce($, tanh($), 0.5)"}, /* a diagonal: sizes are known */
  {"ctc", TIMES, "ctc(log_softmax($), argmax($)[:, 0:1], argmin($)[:, 0] * 0 + 1, argmin($)[:, 0] * 0 + 1)"},
};
enum { ROW_COUNT = sizeof row / sizeof *row };

static bool f32_rows(const Ty *t) { return t->t == DT_F32 && t->rank > 0 && t->rank < 5 && t->dim[t->rank - 1] > 0; }
static bool wide(const Ty *t) { return f32_rows(t) && t->rank > 1 && t->dim[1] > 0; }

static bool pairs(const Ty *t) { return f32_rows(t) && t->rank == 2; }
static bool times(const Ty *t) { return f32_rows(t) && t->rank == 3 && t->dim[1] > 0; }

static bool known_pair(const Ty *t) { return pairs(t) && ty_known(t) && t->dim[0] > 0; }
static bool small_pair(const Ty *t) { return known_pair(t) && t->dim[0] <= 32 && t->dim[1] <= 32; }
static bool known_image(const Ty *t) {
  return f32_rows(t) && t->rank == 4 && ty_known(t) && t->dim[0] > 0 && t->dim[1] > 0 && t->dim[2] > 0;
}

static Pred *operand_of(Form form) {
  switch (form) {
  case WEIGHTS: return wide;
  case PAIRS: return pairs;
  case TIMES: return times;
  case SEQUENCE: return times;
  case PAIR: return known_pair;
  case SMALL: return small_pair;
  case IMAGE:
  case VOLUME: return known_image;
  case ROWS:
  case LOSS: return f32_rows;
  default: return ty_float;
  }
}

int std_rows(void) { return ROW_COUNT; }
const char *std_row_name(int k) { return row[k].name; }

/* The axis of a row; -1: the operand has none. */
static int axis_for(Prog *p, Form form, const Ty *t) {
  if (form == AXIS || form == EVEN) return known_axis(p, t);
  if (form != LINE && form != OPEN) return 0;
  int axis = axis_of(p, t);
  return axis >= 0 && form == LINE && t->dim[axis] < 0 ? -1 : axis;
}

bool write_std_row(Prog *p, int k) {
  Form form = row[k].form;
  const Value *a = pv(p, operand_of(form));
  if (!a || ((form == WEIGHTS || (form >= IMAGE && form <= SEQUENCE)) && !p->layers) ||
      (form >= LOSS && !ty_count(p, &a->ty)))
    return false;
  Ty t = a->ty;
  int axis = axis_for(p, form, &t);
  if (axis < 0 || (form == EVEN && t.dim[axis] % 2)) return false;
  char text[400];
  size_t n = 0;
  for (const char *s = row[k].text; *s && n + 20 < sizeof text; s++)
    if (*s == '$') n += (size_t)snprintf(text + n, sizeof text - n, "v%d", a->id);
    else if (*s == '#') n += (size_t)snprintf(text + n, sizeof text - n, "%d", axis);
    else text[n++] = *s;
  text[n] = 0;
  if (form == EVEN) t.dim[axis] /= 2;
  if (form >= LOSS) t = ty_of(DT_F32, 0);
  return bind(p, t, "%s", text);
}

bool make_std_row(Prog *p, const char *name) {
  (void)name;
  return write_std_row(p, (int)pr(p, ROW_COUNT));
}

bool std_has_row(const char *name, size_t n) {
  for (int i = 0; i < ROW_COUNT; i++)
    if (strlen(row[i].name) == n && !strncmp(row[i].name, name, n)) return true;
  return false;
}
