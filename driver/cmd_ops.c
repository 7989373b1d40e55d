/* SPDX-License-Identifier: Apache-2.0 */
/* gradc ops: the op table as text, as a reference page, or as JSON lines. */
#include "driver/driver.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const class_name[] = {
#define X(cls, name) name,
  OP_CLASSES(X)
#undef X
};
static const char *const kind_name[] = {
#define X(kind, name) name,
  ATTR_KINDS(X)
#undef X
};
static const struct {
  int flag;
  const char *name;
} flag_name[] = {
#define X(flag, name) {OPF_##flag, name},
  OP_FLAGS(X)
#undef X
};

static void put_fields(Str *s, const OpInfo *o) {
  for (int k = 0; k < o->nfields; k++)
    str_printf(s, "%s%s: %s", k ? ", " : "", o->field[k].name, kind_name[o->field[k].kind]);
}

static void put_flags(Str *s, const OpInfo *o, const char *quote, const char *between) {
  int n = 0;
  for (size_t k = 0; k < sizeof flag_name / sizeof *flag_name; k++) {
    if (!(o->flags & flag_name[k].flag) || !*flag_name[k].name) continue;
    str_printf(s, "%s%s%s%s", n++ ? between : "", quote, flag_name[k].name, quote);
  }
}

/* The body; a call of a function of prim/, CALL(exp, a), as EXP(a). */
static const char *body_text(Ctx *c, const OpInfo *o) {
  if (strncmp(o->body, "CALL(", 5) && strncmp(o->body, "SCALAR(", 7)) return o->body;
  const char *fn = strchr(o->body, '(') + 1, *args = strchr(fn, ',');
  char *text = ctx_strf(c, "%.*s(%s", (int)(args - fn), fn, args + 2);
  for (int i = 0; i < (int)(args - fn); i++) text[i] = (char)toupper((unsigned char)text[i]);
  return text;
}

static void put_arity(Str *s, const OpInfo *o) {
  if (o->arity < 0) str_puts(s, "any");
  else str_printf(s, "%d", o->arity);
}

static void put_text(Str *s, const OpInfo *o) {
  str_printf(s, "%-14s %-14s %-14s ", o->name, o->spelling, class_name[o->cls]);
  size_t at = s->n;
  put_arity(s, o);
  while (s->n < at + 4) str_puts(s, " ");
  if (o->body[0]) str_printf(s, " = %s", body_text(s->c, o));
  if (o->nfields) str_puts(s, " {");
  put_fields(s, o);
  if (o->nfields) str_puts(s, "}");
  if (o->flags) str_puts(s, "  ");
  put_flags(s, o, "", " ");
  str_puts(s, "\n");
}

static void put_markdown(Str *s, const OpInfo *o) {
  str_printf(s, "| `%s` | %s%s%s | %s | ", o->name, o->spelling[0] ? "`" : "", o->spelling, o->spelling[0] ? "`" : "",
             class_name[o->cls]);
  put_arity(s, o);
  str_puts(s, " | ");
  put_fields(s, o);
  str_printf(s, " | %s%s%s | ", o->body[0] ? "`" : "", body_text(s->c, o), o->body[0] ? "`" : "");
  put_flags(s, o, "", ", ");
  str_printf(s, " | %d |\n", o->cost);
}

static void put_json(Str *s, const OpInfo *o) {
  str_printf(s, "{\"name\":\"%s\",\"class\":\"%s\",\"arity\":%d,\"attributes\":[", o->name, class_name[o->cls],
             o->arity);
  for (int k = 0; k < o->nfields; k++)
    str_printf(s, "%s{\"name\":\"%s\",\"kind\":\"%s\"}", k ? "," : "", o->field[k].name, kind_name[o->field[k].kind]);
  str_puts(s, "],\"token\":");
  str_json(s, o->spelling);
  str_puts(s, ",\"flags\":[");
  put_flags(s, o, "\"", ",");
  str_printf(s, "],\"cost\":%d,\"precision\":\"%c\",\"body\":", o->cost, o->precision_class);
  str_json(s, body_text(s->c, o));
  str_puts(s, "}\n");
}

int cmd_ops(Args *a) {
  Str s = {.c = a->c};
  bool json = args_has(a, OPT_json), markdown = args_has(a, OPT_markdown) && !json;
  if (markdown)
    str_puts(&s, "# Primitive operations\n\nPrinted by `gradc ops --markdown` from `ir/ops.def`.\n\n"
                 "| op | in the language | class | operands | attributes | element | flags | cost |\n"
                 "|---|---|---|---|---|---|---|---|\n");
  for (int i = 1; i < OP_COUNT; i++) {
    const OpInfo *o = &op_info[i];
    if (json) put_json(&s, o);
    else if (markdown) put_markdown(&s, o);
    else put_text(&s, o);
  }
  fwrite(s.s, 1, s.n, stdout);
  return EXIT_OK;
}
