/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/text/descriptor.h"
#include "codegen/text/graph.h"
#include "codegen/kernel_cost.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

void text_string(Str *o, const char *s) {
  if (!s) s = "";
  str_puts(o, "\"");
  int col = 0;
  for (; *s; s++, col++) {
    unsigned char ch = (unsigned char)*s;
    if (ch == '\n') {
      str_puts(o, s[1] ? "\\n\"\n  \"" : "\\n");
      col = 0;
    } else if (ch == '"' || ch == '\\') {
      str_printf(o, "\\%c", ch);
    } else if (ch < 32 || ch > 126 || ch == '?') {
      str_printf(o, "\\%03o", ch);
    } else {
      str_put(o, s, 1);
    }
    if (col > 2000) str_puts(o, "\"\n  \""), col = 0;
  }
  str_puts(o, "\"");
}

int descriptor_node(Emitter *p, const Node *d) {
  SourcePos at = source_pos(p->c, d->loc);
  str_printf(&p->nodes, "  {\"%s\", ", op_info[d->op].name);
  text_string(&p->nodes, at.file);
  str_printf(&p->nodes, ", %d},\n", at.line);
  return ++p->nnodes;
}

static int kernel_file(Emitter *p, const char *file) {
  for (int i = 0; i < p->nkernel_file; i++)
    if (!strcmp(p->kernel_file[i], file)) return i;
  *VEC_PUSH(p->c, p->kernel_file, p->nkernel_file, p->capkernel_file) = file;
  return p->nkernel_file - 1;
}

/* A text: compilers take far longer for a table of addresses and numbers. */
int descriptor_kernel(Emitter *p, const Kernel *k, const KernelSchedule *s, const Rates *rates) {
  KernelCost c = kernel_cost(k, s, rates);
  return descriptor_row(p, k, "", kernel_form(k, s), &c, s->gemm ? gemm_key(p->m, s->gemm, gemm_type(k)) : NULL);
}

int descriptor_row(Emitter *p, const Kernel *k, const char *name, const char *form, const KernelCost *c,
                   const char *gemm) {
  SourcePos at = source_pos(p->c, k ? node_get(k->gs->g, k->group->root)->loc : 0);
  str_printf(&p->kernel_rows, "%d %d %s %s %.9g %.9g %.6g %.6g %s\t%s%s%s\n", kernel_file(p, at.line ? at.file : ""),
             at.line, k ? kernel_class_name[k->group->cls] : "-", *form ? form : "-", c->flops, c->bytes, c->compute,
             c->memory, k ? kernel_ops(p->c, k) : name, k ? scope_path(p->m, group_scope(k->gs->g, k->group)) : "",
             gemm ? "\t" : "", gemm ? gemm : "");
  return p->nkernel_rows++;
}

void descriptor_rows(Emitter *p, Str *o) {
  if (!p->nkernel_rows) return;
  str_puts(o, "static const char *const kernel_files[] = {");
  for (int i = 0; i < p->nkernel_file; i++) {
    str_puts(o, i ? ", " : "");
    text_string(o, p->kernel_file[i]);
  }
  str_puts(o, "};\nstatic const char kernels[] =\n  ");
  text_string(o, p->kernel_rows.s);
  str_puts(o, ";\n");
}

/* GcDType has the order of DType, GcKind that of VarKind. */
_Static_assert(DT_BOOL == 0 && DT_I32 == 6 && DT_F32 == 7 && DT_F64 == 8 && DT_F16 == 9 && DT_BF16 == 10,
               "order of runtime/model.h");
_Static_assert(VK_PARAM == 0 && VK_STATE == 1 && VK_OPTIM == 2, "order of runtime/model.h");

/* The dimensions of a graph's inputs and results that depend on run-time sizes. Weights and fields have none. */
typedef struct OpenDims {
  Dim *dim;
  int n, cap;
} OpenDims;

static int open_dim(Emitter *p, OpenDims *s, Dim d) {
  for (int i = 0; i < s->n; i++)
    if (s->dim[i] == d) return i;
  *VEC_PUSH(p->c, s->dim, s->n, s->cap) = d;
  return s->n - 1;
}

static void put_dims(Emitter *p, Str *o, const Type *t, OpenDims *open) {
  str_puts(o, "{");
  for (int i = 0; i < t->rank; i++) {
    long long d = t->dim[i] < 0 && open ? -1 - open_dim(p, open, t->dim[i]) : dim_bound(p->m, t->dim[i]);
    str_printf(o, "%s%lld", i ? ", " : "", d);
  }
  str_puts(o, t->rank ? "}" : "0}");
}

static void put_open_dims(Emitter *p, Str *o, const Graph *g, const OpenDims *s, uint32_t sizes) {
  Str rows = {.c = p->c};
  for (int i = 0; i < s->n; i++) {
    int n;
    const DimTerm *t = dim_terms(p->m, s->dim[i], &n);
    str_printf(o, "static const GcTerm terms_%d_%d[] = {", g->index, i);
    for (int k = 0; k < n; k++) {
      str_printf(o, "%s{%lld, {", k ? ", " : "", (long long)t[k].coef);
      for (int z = 0, any = 0; z < p->m->nsize; z++)
        if (sizes >> z & 1) str_printf(o, "%s%d", any++ ? ", " : "", t[k].exp[z]);
      str_puts(o, "}}");
    }
    str_puts(o, "};\n");
    str_printf(&rows, "%s{\"%s\", %lld, terms_%d_%d, %d}", i ? ", " : "", dim_text(p->m, s->dim[i]),
               (long long)dim_bound(p->m, s->dim[i]), g->index, i, n);
  }
  if (s->n) str_printf(o, "static const GcDim dims_%d[] = {%s};\n", g->index, rows.s);
}

/* The table of limits by column, if there are several. */
static void put_ranges(Str *o, const Ranges *r, const char *name) {
  if (r->n < 2) return;
  str_printf(o, "static const int64_t %s[] = {", name);
  for (int i = 0; i < r->n; i++) str_printf(o, "%s%lld", i ? ", " : "", (long long)r->v[i]);
  str_puts(o, "};\n");
}

static int put_ports(Emitter *p, Str *o, const Graph *g, bool out, OpenDims *open) {
  int n = 0;
  for (int i = 0; i < g->nport && !out; i++) {
    Ranges r = input_ranges(g, i);
    put_ranges(o, &r, ctx_strf(p->c, "range_%d_%d", g->index, i));
  }
  for (int i = 0; i < (out ? g->nout : g->nport); i++) {
    if (out && (g->out[i].var >= 0 || graph_trains(g))) continue;
    Id v = out ? g->out[i].value : g->port[i];
    const Type *t = node_type(g, v);
    if (!n++) str_printf(o, "static const GcPort %s_%d[] = {\n", out ? "out" : "in", g->index);
    str_puts(o, "  {");
    text_string(o, out ? g->out[i].name : node_name(g, v));
    str_printf(o, ", %d, %d, ", t->dtype, t->rank);
    put_dims(p, o, t, open);
    Ranges r = out ? (Ranges){0} : input_ranges(g, i);
    str_printf(o, ", %lld", (long long)ranges_least(&r));
    str_puts(o, r.n > 1 ? ctx_strf(p->c, ", range_%d_%d, %d},\n", g->index, i, r.n) : ", 0, 0},\n");
  }
  if (n) str_puts(o, "};\n");
  return n;
}

/* "NAME_AT", or "0" where there is no such table. */
static const char *table_ref(Emitter *p, bool made, const char *name, int at) {
  return made ? ctx_strf(p->c, "%s_%d", name, at) : "0";
}

/* The tables of a graph; returns the initialiser of its GcGraph. */
static const char *graph_row(Emitter *p, Str *o, const Graph *g, const char *name) {
  OpenDims open = {0};
  int nin = put_ports(p, o, g, false, &open), nout = put_ports(p, o, g, true, &open), nsizes = 0;
  uint32_t sizes = graph_sizes(g);
  bool device = p->o->device && graph_on_device(g);
  put_open_dims(p, o, g, &open, sizes);
  Str names = {.c = p->c}, bounds = {.c = p->c}, s = {.c = p->c};
  for (int i = 0; i < p->m->nsize; i++)
    if (sizes >> i & 1) {
      str_printf(&names, "%s\"%s\"", nsizes ? ", " : "", p->m->size[i].name);
      str_printf(&bounds, "%s%lld", nsizes++ ? ", " : "", (long long)p->m->size[i].bound);
    }
  if (nsizes)
    str_printf(o, "static const char *const sizes_%d[] = {%s};\nstatic const int64_t bounds_%d[] = {%s};\n", g->index,
               names.s, g->index, bounds.s);
  str_puts(&s, "{");
  text_string(&s, name);
  str_printf(&s, ", graph_%d, %s, %s, %d, %d, %d, %s, %s, %s, %.17g, %s, %d}", g->index,
             table_ref(p, nin, "in", g->index), table_ref(p, nout, "out", g->index), nin, nout, nsizes,
             table_ref(p, nsizes, "sizes", g->index), table_ref(p, nsizes, "bounds", g->index),
             table_ref(p, open.n, "dims", g->index), graph_flops(g),
             device                                         ? "1, 1"
             : graph_steps(&p->steps, (Graph *)g)->parallel ? "1024, 0"
                                                            : "1, 0",
             device ? 1 + graph_again(g) : 0);
  return s.s;
}

static const char *graph_ref(Emitter *p, Str *o, const Graph *g) {
  if (!g) return "0";
  const char *row = graph_row(p, o, g, g->name);
  str_printf(o, "static const GcGraph row_%d = %s;\n", g->index, row);
  return ctx_strf(p->c, "&row_%d", g->index);
}

static void put_vars(Emitter *p, Str *o) {
  const Module *m = p->m;
  if (!m->nvar) return;
  str_puts(o, "static const GcVar vars[] = {\n");
  for (int i = 0; i < m->nvar; i++) {
    const Var *v = &m->var[i];
    const Type *t = type_get(m, v->type);
    const StorageOrder *st = v->stored ? &m->stored[v->stored - 1] : NULL;
    str_puts(o, "  {");
    text_string(o, v->name);
    str_printf(o, ", %d, %d, %d, %d, {", v->kind, t->dtype, t->rank, st ? st->panel_axis : 0);
    for (int k = 0; k < t->rank; k++) str_printf(o, "%s%d", k ? ", " : "", st ? st->perm[k] : k);
    str_printf(o, "%s}, %u, ", t->rank ? "" : "0", st ? st->panel : 0);
    put_dims(p, o, t, NULL);
    str_printf(o, ", %lld, %lld, %d},\n", (long long)v->offset, (long long)type_bytes(p->m, v->type),
               v->role == VAR_GRAD_SUM);
  }
  str_puts(o, "};\n");
}

static void put_doubles(Emitter *p, Str *o, const char *name, int at, const double *v, int n) {
  if (!v) return;
  str_printf(o, "static const double %s_%d[] = {", name, at);
  for (int i = 0; i < n; i++) str_printf(o, "%s%.17g", i ? ", " : "", v[i]);
  str_puts(o, n ? "};\n" : "0};\n");
  (void)p;
}

static const char *position(Emitter *p, Loc loc) {
  SourcePos at = source_pos(p->c, loc);
  return ctx_strf(p->c, "%s:%d:%d", at.file, at.line, at.col);
}

static void put_columns(Emitter *p, Str *o, const FieldInfo *f, int at, int field) {
  str_printf(o, "static const GcColumn columns_%d_%d[] = {\n", at, field);
  for (int i = 0; i < f->ncolumn; i++) {
    const ColumnInfo *c = &f->column[i];
    str_puts(o, "  {");
    if (c->first) text_string(o, c->first);
    str_puts(o, c->first ? ", " : "0, ");
    if (c->first) text_string(o, c->last);
    str_printf(o, "%s, %d, %d, ", c->first ? "" : "0", c->at, c->count);
    text_string(o, position(p, c->loc));
    str_printf(o, ", %d, ", c->kind);
    if (c->key) text_string(o, c->key);
    str_printf(o, "%s, %d},\n", c->key ? "" : "0", c->number);
  }
  str_puts(o, "};\n");
}

static void put_fields(Emitter *p, Str *o, const DataInfo *d, int at) {
  if (!d->nfield) return;
  for (int i = 0; i < d->nfield; i++)
    if (d->field[i].ncolumn) put_columns(p, o, &d->field[i], at, i);
  for (int i = 0; i < d->nfield; i++) put_ranges(o, &d->field[i].range, ctx_strf(p->c, "ranges_%d_%d", at, i));
  str_printf(o, "static const GcField fields_%d[] = {\n", at);
  for (int i = 0; i < d->nfield; i++) {
    const FieldInfo *f = &d->field[i];
    const Type *t = type_get(p->m, f->type);
    str_puts(o, "  {");
    text_string(o, f->name);
    str_printf(o, ", %d, %d, ", t->dtype, t->rank);
    put_dims(p, o, t, NULL);
    str_printf(o, ", %d, %d, %d, %lld", f->raw_first, f->raw_count, f->raw_dtype, (long long)ranges_least(&f->range));
    if (f->ncolumn) str_printf(o, ", columns_%d_%d, %d, %d", at, i, f->ncolumn, f->rows);
    if (f->picture.any)
      str_printf(o, ", {%d, %d}, {%d, %d}", (int)f->picture.resize[0], (int)f->picture.resize[1],
                 (int)f->picture.crop[0], (int)f->picture.crop[1]);
    if (f->mixup) str_printf(o, ", .mixup = %.17g", f->mixup);
    if (f->pad) str_printf(o, ", .pad = %lld, .pad_value = %.17g", (long long)f->pad, f->pad_value);
    if (f->range.n > 1) str_printf(o, ", .ranges = ranges_%d_%d, .nranges = %d", at, i, f->range.n);
    if (f->length) str_puts(o, ", .length = 1");
    str_puts(o, "},\n");
  }
  str_puts(o, "};\n");
}

/* Returns how many there are. */
static int put_norms(Str *o, const DataInfo *d, int at) {
  int n = 0;
  for (int f = 0; f < d->nfield; f++)
    for (int k = 0; k < d->field[f].nnorm; k++) {
      const NormInfo *x = &d->field[f].norm[k];
      if (!n++) str_printf(o, "static const GcNorm norms_%d[] = {\n", at);
      str_printf(o, "  {%d, %d, %d, %d, {%d, %d}},\n", x->kind, f, x->at, x->count, 1 + x->var[0], 1 + x->var[1]);
    }
  if (n) str_puts(o, "};\n");
  return n;
}

static const char *folder_of(Emitter *p, const char *file) {
  const char *slash = strrchr(file, '/');
  return slash ? ctx_strf(p->c, "%.*s", (int)(slash - file), file) : "";
}

static void put_data(Emitter *p, Str *o) {
  const Module *m = p->m;
  Str rows = {.c = p->c};
  for (int i = 0; i < m->ndata; i++) {
    const DataInfo *d = &m->data[i];
    put_fields(p, o, d, i);
    put_doubles(p, o, "lo", i, d->lo, d->ncols);
    put_doubles(p, o, "hi", i, d->hi, d->ncols);
    const char *bind = graph_ref(p, o, d->bind), *augment = graph_ref(p, o, d->augment);
    int norms = put_norms(o, d, i);
    if (d->npaths) str_printf(o, "static const char *const paths_%d[] = {", i);
    for (int k = 0; k < d->npaths; k++) {
      str_puts(o, k ? ", " : "");
      text_string(o, d->paths[k]);
    }
    if (d->npaths) str_puts(o, "};\n");
    str_puts(&rows, "  {");
    text_string(&rows, d->name);
    str_puts(&rows, ", ");
    text_string(&rows, d->kind);
    str_printf(&rows, ", %s, %d, ", d->npaths ? ctx_strf(p->c, "paths_%d", i) : "0", d->npaths);
    text_string(&rows, p->o->dir ? p->o->dir : folder_of(p, m->file));
    str_printf(&rows, ", %lld, %lld, %d, %d, %s, %s, %d, %.17g, %d, %s, %d, %s, %d, %d, %d, ", (long long)d->window,
               (long long)d->count, d->element, d->header, table_ref(p, d->lo, "lo", i), table_ref(p, d->hi, "hi", i),
               d->ncols, d->holdout, d->shuffle, table_ref(p, d->nfield, "fields", i), d->nfield, bind, d->sep,
               d->decimal, d->missing);
    text_string(&rows, d->learned);
    str_printf(&rows, ", %s, %d", table_ref(p, norms, "norms", i), norms);
    if (d->group || d->on_error) str_printf(&rows, ", %d, %d", d->group, d->on_error);
    if (d->stream) str_printf(&rows, ", .stream = %lld", (long long)d->stream);
    if (d->sample) str_printf(&rows, ", .sample = %d, .sample_field = %d", d->sample, d->sample_field);
    if (d->stratify) str_printf(&rows, ", .stratify = %d", d->stratify);
    if (d->workers) str_printf(&rows, ", .workers = %d, .prefetch = %d", d->workers, d->prefetch);
    if (d->cache) str_printf(&rows, ", .cache = %d", d->cache);
    if (d->augment) str_printf(&rows, ", .augment = %s", augment);
    str_puts(&rows, "},\n");
  }
  if (m->ndata) str_printf(o, "static const GcData data[] = {\n%s};\n", rows.s);
}

/* Sections share the floats of metrics with one name. */
static void put_places(Emitter *p, Str *o, const TrainInfo *t, int i) {
  str_printf(o, "static const int places_%d[] = {", i);
  for (int k = 0; k < t->nmetric; k++)
    str_printf(o, "%s%lld", k ? ", " : "", (long long)(head_offset(p->m, t->metric[k], 1 + k) - HEAD_METRICS) / 4);
  str_puts(o, "};\n");
}

static const char *watch_row(Emitter *p, const WatchInfo *w) {
  return ctx_strf(p->c, "{%d, %d, %lld, %.17g}", w->score, w->is_max, (long long)w->patience, w->min_delta);
}

static void put_train(Emitter *p, Str *o) {
  const Module *m = p->m;
  Str rows = {.c = p->c};
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    const Graph *g[] = {t->step, t->pass, t->update, t->eval, t->eval_done};
    const char *ref[5];
    for (int k = 0; k < 5; k++) ref[k] = graph_ref(p, o, g[k]);
    if (t->nmetric) str_printf(o, "static const char *const metrics_%d[] = {", i);
    for (int k = 0; k < t->nmetric; k++) {
      str_puts(o, k ? ", " : "");
      text_string(o, t->metric[k]);
    }
    if (t->nmetric) str_puts(o, "};\n");
    if (t->navg && t->eval) str_printf(o, "static const uint8_t gather_%d[] = {", i);
    for (int k = 0; k < t->navg && t->eval; k++) str_printf(o, "%d%s", t->gather[k], k + 1 < t->navg ? ", " : "};\n");
    if (t->nmetric) put_places(p, o, t, i);
    if (t->nobserved) str_printf(o, "static const int observed_%d[] = {", i);
    for (int k = 0; k < t->nobserved; k++) str_printf(o, k ? ", %d" : "%d", t->observed[k]);
    if (t->nobserved) str_puts(o, "};\n");
    str_puts(&rows, "  {");
    text_string(&rows, t->name);
    str_printf(&rows,
               ", %d, %lld, %lld, %lld, %lld, %lluu, %s, %d, %lld, %lld,\n"
               "   %s, %s, %s, %s, %s, %d, %s, %lld, %d, %d, %s, %d, %lld, %d, %s, %s, %s},\n",
               t->data, (long long)t->batch, (long long)t->accumulate, (long long)t->steps, (long long)t->epochs,
               (unsigned long long)t->seed, table_ref(p, t->nmetric, "metrics", i), t->nmetric,
               (long long)t->save_every, (long long)t->keep, ref[0], ref[1], ref[2], ref[3], ref[4], t->navg,
               table_ref(p, t->nmetric, "places", i), (long long)t->every, 1 + t->scale_var, 1 + t->skipped_var,
               table_ref(p, t->navg && t->eval, "gather", i), t->ntensor, (long long)t->validate, 1 + t->validate_data,
               watch_row(p, &t->best), watch_row(p, &t->stop), table_ref(p, t->nobserved, "observed", i));
  }
  if (m->ntrain) str_printf(o, "static const GcTrain train[] = {\n%s};\n", rows.s);
}

static int put_exports(Emitter *p, Str *o) {
  const Module *m = p->m;
  Str rows = {.c = p->c};
  int n = 0;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT) {
      const char *row = graph_row(p, o, m->graph[i], m->graph[i]->name);
      str_printf(&rows, "  %s,\n", row);
      n++;
    }
  if (n) str_printf(o, "static const GcGraph exports[] = {\n%s};\n", rows.s);
  return n;
}

static void put_constants(const Module *m, Str *o) {
  if (!m->nconstant) return;
  str_puts(o, "static const GcConst constants[] = {\n");
  for (int i = 0; i < m->nconstant; i++) {
    const ConstInfo *k = &m->constant[i];
    str_puts(o, "  {");
    text_string(o, k->name);
    str_puts(o, ", ");
    text_string(o, k->value);
    str_printf(o, ", %d, %d},\n", k->use, k->set);
  }
  str_puts(o, "};\n");
}

static double parameters(const Module *m) {
  double n = 0;
  for (int i = 0; i < m->nvar; i++)
    if (m->var[i].kind == VK_PARAM) n += (double)type_count((Module *)m, m->var[i].type);
  return n;
}

void descriptor_print(Emitter *p, Str *o) {
  Module *m = p->m;
  Graph *init = NULL;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_INIT) init = m->graph[i];
  put_vars(p, o);
  put_data(p, o);
  put_train(p, o);
  put_constants(m, o);
  int exports = put_exports(p, o);
  const char *init_row = graph_ref(p, o, init);
  if (p->nnodes) str_printf(o, "static const GcNode nodes[] = {\n%s};\n", p->nodes.s);
  descriptor_rows(p, o);
  const char *slash = strrchr(m->file, '/');
  str_puts(o, "const GcModel gc_model = {\n  .name = ");
  text_string(o, m->name);
  str_puts(o, ",\n  .source = ");
  text_string(o, m->source);
  str_puts(o, ",\n  .source_name = ");
  text_string(o, slash ? slash + 1 : m->file);
  str_puts(o, ",\n  .flags = ");
  text_string(o, p->o->flags);
  str_puts(o, ",\n  .version = ");
  text_string(o, p->o->version);
  if (m->nconstant) str_printf(o, ",\n  .constants = constants, .nconstants = %d", m->nconstant);
  int64_t persistent = m->total_bytes - m->head_bytes - m->arena_bytes;
  str_printf(o, ",\n  .bytes = %lldu, .head_bytes = %lldu, .persistent_bytes = %lldu, .arena_bytes = %lldu,\n",
             (long long)m->total_bytes, (long long)m->head_bytes, (long long)persistent, (long long)m->arena_bytes);
  str_printf(o, "  .vars = %s, .nvars = %d, .data = %s, .ndata = %d, .train = %s, .ntrain = %d,\n",
             m->nvar ? "vars" : "0", m->nvar, m->ndata ? "data" : "0", m->ndata, m->ntrain ? "train" : "0", m->ntrain);
  str_printf(o,
             "  .init = %s, .exports = %s, .nexports = %d, .nodes = %s, .nnodes = %d, .parameters = %.17g,\n"
             "  .kernels = %s, .nkernels = %d, .needs = gc_needs,%s%s\n};\n",
             init_row, exports ? "exports" : "0", exports, p->nnodes ? "nodes" : "0", p->nnodes, parameters(m),
             p->nkernel_rows ? "kernels" : "0", p->nkernel_rows,
             p->nkernel_rows ? " .kernel_files = kernel_files," : "", p->o->device ? " .device = &gc_device," : "");
}
