/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a project: the model, its example, and the templates of codegen/c/project with their keys. */
#include "driver/project.h"
#include "lib/embed.h"
#include <string.h>

const char *const project_flags = "-std=c99 -ffreestanding -ffunction-sections -fdata-sections "
                                  "-fno-tree-loop-distribute-patterns -Wall -Wextra";
const char *const project_link = "-nostdlib -Wl,--gc-sections";
const char *const project_text = "-display none -monitor none -serial none -chardev stdio,id=text -semihosting-config "
                                 "enable=on,target=native,chardev=text";

static const char MAIN[] = "int main(void) { return example(); }\n";

typedef struct Key {
  const char *name, *text;
} Key;

static const char *number(const Project *p, int n) { return ctx_strf(p->c, "%d", n); }

/* Replaces each @KEY@; an @ that begins no key stays. */
static void substitute(const Project *p, const char *s, Str *o) {
  const Board *b = p->board;
  const Key keys[] = {{"NAME", p->name},
                      {"TARGET", b->name},
                      {"TITLE", b->title},
                      {"PREFIX", b->prefix},
                      {"PACKAGE", b->cc_package},
                      {"CPU", b->cpu},
                      {"QEMU", b->qemu},
                      {"QEMU_PACKAGE", b->qemu_package},
                      {"MACHINE", b->machine},
                      {"MACHINE_IS", b->machine_is},
                      {"FLAGS", project_flags},
                      {"LINK", ctx_strf(p->c, "%s -T board.ld -lgcc", project_link)},
                      {"LINK_FLAGS", project_link},
                      {"TEXT", project_text},
                      {"COMMANDS", p->commands},
                      {"SHIFT", number(p, BOARD_ICOUNT_SHIFT)},
                      {"SCALE", number(p, 1 << BOARD_ICOUNT_SHIFT)},
                      {"NS", number(p, b->ns)}};
  for (const char *at; (at = strchr(s, '@')); s = at) {
    str_put(o, s, (size_t)(at - s));
    const char *end = strchr(at + 1, '@');
    const Key *found = NULL;
    for (size_t i = 0; end && i < sizeof keys / sizeof *keys; i++)
      if (strlen(keys[i].name) == (size_t)(end - at - 1) && !strncmp(keys[i].name, at + 1, (size_t)(end - at - 1)))
        found = &keys[i];
    if (found) str_puts(o, found->text);
    else str_puts(o, "@");
    at = found ? end + 1 : at + 1;
  }
  str_puts(o, s);
}

void project_add(Project *p, const char *path, const char *text, size_t n) {
  *VEC_PUSH(p->c, p->file, p->n, p->cap) = (ProjectFile){path, text, n};
}

static void add_text(Project *p, const char *path, const Str *s) { project_add(p, path, s->s, s->n); }

void project_add_template(Project *p, const char *path, const char *file) {
  size_t n;
  const char *text = embed_text(ctx_strf(p->c, "codegen/c/project/%s", file), &n);
  Str s = {.c = p->c};
  if (!strncmp(text, "# SPDX-", 7)) text = strchr(text, '\n') + 1; /* generated files belong to their author */
  substitute(p, text, &s);
  add_text(p, path, &s);
}

/* ---- parts ---- */

static void add_linker_script(Project *p) {
  const Board *b = p->board;
  Str s = {.c = p->c};
  size_t n;
  str_printf(&s,
             "/* Of %s: for another board, its addresses and sizes. */\nMEMORY {\n"
             "  FLASH (rx) : ORIGIN = 0x%08x, LENGTH = %uK\n  RAM (rwx) : ORIGIN = 0x%08x, LENGTH = %uK\n}\n",
             b->machine_is, b->flash, b->flash_kb, b->ram, b->ram_kb);
  str_puts(&s, embed_text("codegen/c/project/sections.ld", &n));
  add_text(p, "board.ld", &s);
}

static void add_model(Project *p, const char *folder) {
  add_text(p, ctx_strf(p->c, "%s%s.c", folder, p->name), &p->model->code);
  add_text(p, ctx_strf(p->c, "%s%s.h", folder, p->name), &p->model->header);
}

/* The example, then `main`, the text of the function that calls it. */
static void add_example(Project *p, const char *path, const char *main) {
  Str s = {.c = p->c};
  emit_example(p->m, ctx_strf(p->c, "%s.h", p->name), &s);
  str_printf(&s, "\n%s", main);
  add_text(p, path, &s);
}

void project_add_board(Project *p) {
  add_model(p, "");
  add_example(p, "main.c", MAIN);
  project_add_template(p, "example.h", "example.h");
  project_add_template(p, "board.h", "board.h");
  project_add_template(p, "host.c", "host.c");
  project_add_template(p, "startup.c", p->board->startup);
  add_linker_script(p);
}

/* ---- kinds ---- */

static void make_files(Project *p) {
  project_add_board(p);
  project_add_template(p, "Makefile", "project.make");
  p->commands = "make run      # the example in qemu\n"
                "make host     # the same on this machine: the same lines\n"
                "make size     # bytes of flash and RAM\n"
                "make count    # instructions of a step, or of a call";
  project_add_template(p, "README.md", "README.md");
}

static void cmake_files(Project *p) {
  project_add_board(p);
  project_add_template(p, "CMakeLists.txt", "project.cmake");
  project_add_template(p, "toolchain.cmake", "toolchain.cmake");
  p->commands = "cmake -B build -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake\n"
                "cmake --build build --target run      # the example in qemu; also size, count\n"
                "cmake -B build-host\n"
                "cmake --build build-host --target host  # the same on this machine: the same lines";
  project_add_template(p, "README.md", "README.md");
}

/* A library, whose example is a sketch. */
static void arduino_files(Project *p) {
  const char *sketch = ctx_strf(p->c, "examples/%s/", p->name);
  add_model(p, "src/");
  add_example(p, ctx_strf(p->c, "%s%s.ino", sketch, p->name),
              "void board_write(const char *text) { Serial.print(text); }\n"
              "uint64_t board_ticks(void) { return micros(); }\n\n"
              "void setup() {\n  Serial.begin(115200);\n  while (!Serial) {}\n  example();\n}\n\nvoid loop() {}\n");
  project_add_template(p, ctx_strf(p->c, "%sexample.h", sketch), "example.h");
  project_add_template(p, ctx_strf(p->c, "%sboard.h", sketch), "board.h");
  project_add_template(p, "library.properties", "library.properties");
  project_add_template(p, "README.md", "README.arduino.md");
}

static void zephyr_files(Project *p) {
  add_model(p, "src/");
  add_example(p, "src/main.c", MAIN);
  project_add_template(p, "src/example.h", "example.h");
  project_add_template(p, "src/board.h", "board.h");
  project_add_template(p, "src/board.c", "zephyr_board.c");
  project_add_template(p, "CMakeLists.txt", "zephyr.cmake");
  Str s = {.c = p->c};
  str_printf(&s, "CONFIG_PRINTK=y\nCONFIG_MAIN_STACK_SIZE=8192\n%s", p->board->fpu ? "CONFIG_FPU=y\n" : "");
  add_text(p, "prj.conf", &s);
  project_add_template(p, "README.md", "README.zephyr.md");
}

static const struct {
  const char *name;
  void (*files)(Project *p);
} kinds[] = {{"make", make_files}, {"cmake", cmake_files}, {"arduino", arduino_files}, {"zephyr", zephyr_files}};

void project_files(Project *p) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i].name, p->kind)) kinds[i].files(p);
}
