/* SPDX-License-Identifier: Apache-2.0 */
/* amx.so, preloaded: emulates AMX's bf16 tiles on a processor without them. Their instructions raise SIGILL there, and
 * the handler decodes and executes them; a filter of system calls grants the permission that the kernel would give. On
 * a processor that has them it does nothing. AMX_LOG=FILE: at exit the number of emulated tile products is appended to
 * the file as a line. Semantics as in "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, except
 * that denormals are not flushed. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, ROWS = 16, BYTES = 64, REQ_XCOMP_PERM = 0x1023 };
typedef struct Config {
  uint8_t palette, start, zero[14];
  uint16_t bytes[16];
  uint8_t rows[16];
} Config;
static __thread Config config; /* palette 0: no tiles */
static __thread uint8_t tile[TILES][ROWS][BYTES];
static unsigned long done;

/* An instruction: VEX prefix of 3 bytes, opcode, ModRM, SIB and displacement. */
typedef struct Inst {
  int prefix, op, mod, reg, rm, v, size;
  char *at;
  long stride;
} Inst;

static void fail(const char *what, const uint8_t *p) {
  fprintf(stderr, "amx: %s: %02x %02x %02x %02x %02x %02x\n", what, p[0], p[1], p[2], p[3], p[4], p[5]);
  abort();
}

static long reg_of(const greg_t *r, int i) {
  static const int at[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                           REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return r[at[i]];
}

static Inst decode(const uint8_t *p, const greg_t *r) {
  if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || p[2] & 0x84) fail("unknown instruction", p);
  int x = !(p[1] & 0x40) * 8, b = !(p[1] & 0x20) * 8;
  Inst i = {p[2] & 3, p[3], p[4] >> 6, p[4] >> 3 & 7, p[4] & 7, ~(p[2] >> 3) & 15, 5, 0, 0};
  if (i.mod == 3) return i;
  long at = 0;
  int32_t far;
  if (i.rm == 4) {
    int sib = p[i.size++], base = sib & 7, index = (sib >> 3 & 7) | x;
    if (i.mod == 0 && base == 5) fail("address without a base", p);
    at = reg_of(r, base | b);
    if (index != 4) i.stride = reg_of(r, index) * (1 << (sib >> 6));
  } else if (i.mod || i.rm != 5) {
    at = reg_of(r, i.rm | b);
  }
  memcpy(&far, p + i.size, 4);
  if (i.mod == 1) at += (int8_t)p[i.size++];
  else if (i.mod == 2 || i.rm == 5) at += far, i.size += 4;
  if (i.mod == 0 && i.rm == 5) at += r[REG_RIP] + i.size;
  i.at = (char *)at;
  return i;
}

static float from_bf16(const uint8_t *p) {
  uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 24;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static void dot(int c, int a, int b, const uint8_t *p) {
  int rows = config.rows[c], units = config.bytes[a] / 4, cols = config.bytes[c] / 4;
  if (config.rows[a] != rows || config.rows[b] != units || config.bytes[b] / 4 != cols) fail("shapes", p);
  for (int m = 0; m < rows; m++)
    for (int n = 0; n < cols; n++) {
      float sum[2] = {0}, all;
      for (int k = 0; k < units; k++)
        for (int y = 0; y < 2; y++)
          sum[y] = fmaf(from_bf16(tile[a][m] + 4 * k + 2 * y), from_bf16(tile[b][k] + 4 * n + 2 * y), sum[y]);
      memcpy(&all, tile[c][m] + 4 * n, 4);
      all += sum[0] + sum[1];
      memcpy(tile[c][m] + 4 * n, &all, 4);
    }
  __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

static void execute(const Inst *i, const uint8_t *p) {
  enum { NONE, P66, PF3, PF2 };
  int t = i->reg;
  if (i->op == 0x49 && i->prefix == NONE) {
    if (i->mod == 3) memset(&config, 0, sizeof config); /* tilerelease */
    else memcpy(&config, i->at, sizeof config);
    memset(tile, 0, sizeof tile);
    return;
  }
  if (config.palette != 1 || !config.rows[t] || config.rows[t] > ROWS || config.bytes[t] > BYTES) fail("no tile", p);
  if (i->op == 0x49 && i->prefix == PF2 && i->mod == 3) {
    memset(tile[t], 0, sizeof tile[t]);
  } else if (i->op == 0x4b && i->mod < 3 && i->prefix != NONE) {
    for (int y = 0; y < config.rows[t]; y++) {
      if (i->prefix == PF3) memcpy(i->at + y * i->stride, tile[t][y], config.bytes[t]);
      else memcpy(tile[t][y], i->at + y * i->stride, config.bytes[t]);
    }
  } else if (i->op == 0x5c && i->prefix == PF3 && i->mod == 3) {
    dot(t, i->rm, i->v, p);
  } else {
    fail("unknown instruction", p);
  }
}

static void handler(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *p = (const uint8_t *)r[REG_RIP];
  Inst i = decode(p, r);
  execute(&i, p);
  r[REG_RIP] += i.size;
}

__attribute__((constructor)) static void begin(void) {
  if (__builtin_cpu_supports("amx-bf16")) return;
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REQ_XCOMP_PERM, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), /* 0: granted */
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  if (sigaction(SIGILL, &act, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    perror("amx"), _exit(1);
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("AMX_LOG");
  FILE *f = path && done ? fopen(path, "a") : NULL;
  if (f) fprintf(f, "%lu\n", done), fclose(f);
}
