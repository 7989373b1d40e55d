/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the runtime's parts that need no model run. `units` runs all; `units gunzip FILE` writes the inflated
 * file, for comparison with gzip. */
#define _GNU_SOURCE
#include "../../runtime/columns.h"
#include "../../runtime/cores.h"
#include "../../runtime/data.h"
#include "../../runtime/pool.h"
#include "units.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

void check(bool ok, const char *what, const char *file, int line) {
  if (ok) passed++;
  else {
    failed++;
    printf("FAIL %s:%d: %s\n", file, line, what);
  }
}

static void test_philox(void) { /* the known answers that its authors publish */
  uint32_t r[4];
  gc_philox(0, 0, 0, r);
  CHECK(r[0] == 0x6627e8d5 && r[1] == 0xe169c58d && r[2] == 0xbc57ac4c && r[3] == 0x9b00dbd8);
  gc_philox(~0ull, ~0ull, ~0ull, r);
  CHECK(r[0] == 0x408f276d && r[1] == 0x41c83b0e && r[2] == 0xa20bc7c6 && r[3] == 0x6d5451fd);
  gc_philox(0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x0370734413198a2eu, r);
  CHECK(r[0] == 0xd16cfe09 && r[1] == 0x94fdcceb && r[2] == 0x5001e420 && r[3] == 0x24126ea1);
}

static bool bijective(uint64_t n, uint64_t seed, uint64_t stream) {
  unsigned char *seen = rt_alloc(n);
  Perm p;
  bool ok = true;
  perm_init(&p, n, seed, stream);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t j = perm_at(&p, i);
    ok = ok && j < n && !seen[j];
    if (j < n) seen[j] = 1;
  }
  free(seen);
  return ok;
}

static void test_perm(void) {
  bool all = true;
  for (uint64_t n = 1; n <= 300; n++)
    for (uint64_t s = 0; s < 4; s++) all = all && bijective(n, s, s + 2);
  CHECK(all);
  CHECK(bijective(1797, 42, 1) && bijective(65536, 42, 1) && bijective(65537, 1, 9) && bijective(1000003, 7, 0));
  Perm a, b;
  perm_init(&a, 100000, 1, 2);
  perm_init(&b, 100000, 1, 3);
  int same = 0, fixed = 0, rising = 0;
  for (uint64_t i = 0; i < 100000; i++) {
    same += perm_at(&a, i) == perm_at(&b, i);
    fixed += perm_at(&a, i) == i;
    rising += i && perm_at(&a, i) > perm_at(&a, i - 1);
  }
  CHECK(same < 12 && fixed < 12 && rising > 49000 && rising < 51000);
  perm_init(&a, (uint64_t)1 << 40, 1, 2); /* no table: large domains cost nothing */
  CHECK(perm_at(&a, 12345) < (uint64_t)1 << 40);
}

static void test_small_orders(void) { /* all 24 orders of four records occur about equally often */
  int count[256] = {0}, kinds = 0, min = 1 << 30;
  for (uint64_t s = 0; s < 24000; s++) {
    Perm p;
    perm_init(&p, 4, s, 5);
    int code = 0;
    for (uint64_t i = 0; i < 4; i++) code = code * 4 + (int)perm_at(&p, i);
    count[code]++;
  }
  for (int i = 0; i < 256; i++) {
    if (!count[i]) continue;
    kinds++;
    if (count[i] < min) min = count[i];
  }
  CHECK(kinds == 24 && min > 800);
}

static bool near(double a, double b, double eps) { return a - b < eps && b - a < eps; }

static void test_normal(void) {
  CHECK(near(gc_normal((uint32_t)(0.975 * 4294967296.0)), 1.959963984540054, 1e-8));
  CHECK(near(gc_normal((uint32_t)(0.001 * 4294967296.0)), -3.090232306167813, 1e-6));
  CHECK(near(gc_normal(0x80000000u), 0, 1e-8) && gc_normal(0) < -6.2 && gc_normal(0) > -6.5);
  CHECK(near(gc_normal(0), -gc_normal(0xFFFFFFFFu), 1e-9));
  double sum = 0, square = 0;
  enum { N = 1 << 16 };
  for (uint32_t i = 0; i < N; i++) {
    double v = gc_normal(i << 16 | 0x8000);
    sum += v;
    square += v * v;
  }
  CHECK(near(sum / N, 0, 1e-6) && near(square / N, 1, 1e-3));
}

enum { ROUNDS = 200 };
static int ring(const GcCall *c) { /* each thread adds its neighbour's value, a barrier apart */
  int *v = c->mem;
  for (int r = 0; r < ROUNDS; r++) {
    int other = v[(c->tid + 1) % c->nthreads];
    if (c->nthreads > 1) c->barrier(c->pool, c->tid);
    v[c->tid] = other + 1;
    if (c->nthreads > 1) c->barrier(c->pool, c->tid);
  }
  return c->tid == 1 ? 7 : 0;
}

static void test_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    Pool *p = pool_new(threads, false);
    bool all = true;
    for (int nthreads = 1; nthreads <= threads; nthreads++)
      for (int k = 0; k < 20; k++) {
        int v[8] = {0};
        GcCall c = {.mem = v};
        int status = pool_run(p, ring, &c, nthreads);
        all = all && status == (nthreads > 1 ? 7 : 0);
        for (int i = 0; i < nthreads; i++) all = all && v[i] == ROUNDS;
      }
    CHECK(all);
  }
  CHECK(pool_default_threads() >= 1);
  Pool *p = pool_new(2, true); /* with however many threads, as other processes use the cores */
  bool all = true;
  int max = 0, min = 2;
  for (double end = rt_now() + 0.3; rt_now() < end;) {
    int v[2] = {0};
    GcCall c = {.mem = v};
    int status = pool_run(p, ring, &c, 2), nthreads = v[1] ? 2 : 1;
    all = all && v[0] == ROUNDS && v[nthreads - 1] == ROUNDS && status == (nthreads > 1 ? 7 : 0);
    max = nthreads > max ? nthreads : max;
    min = nthreads < min ? nthreads : min;
  }
  CHECK(all && max <= 2 && min >= 1);
  pool_free(p);
}

static void put_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  if (f) fputs(text, f);
  if (f) fclose(f);
}

/* Quotas of control groups, in a tree like that of /sys/fs/cgroup. */
static void test_quota(void) {
  static const struct {
    const char *path, *text;
  } file[] = {
    {"cg/cpu.max", "max 100000\n"},
    {"cg/a/cpu.max", "350000 100000\n"},
    {"cg/a/b/cpu.max", "max 100000\n"},
    {"cg/a/c/cpu.max", "50000 100000\n"},
    {"cg/cpu,cpuacct/d/cpu.cfs_quota_us", "200000\n"},
    {"cg/cpu,cpuacct/d/cpu.cfs_period_us", "100000\n"},
    {"cg/cpu,cpuacct/e/cpu.cfs_quota_us", "-1\n"},
    {"cg/cpu,cpuacct/e/cpu.cfs_period_us", "100000\n"},
  };
  static const struct {
    const char *groups;
    int cpus;
  } group[] = {
    {"0::/\n", 0},
    {"0::/a\n", 4},
    {"0::/a/b\n", 4},
    {"0::/a/c\n", 1},
    {"0::/none/such\n", 0},
    {"", 0},
    {"noise", 0},
    {"9:name=systemd:/x\n3:cpuset:/d\n2:cpu,cpuacct:/d\n0::/\n", 2},
    {"2:cpu,cpuacct:/e\n", 0},
    {"2:cpu,cpuacct:/d\n0::/a/c\n", 1},
  };
  io_make_folder("cg/a/b", false);
  io_make_folder("cg/a/c", false);
  io_make_folder("cg/cpu,cpuacct/d", false);
  io_make_folder("cg/cpu,cpuacct/e", false);
  for (int i = 0; i < COUNT(file); i++) put_text(file[i].path, file[i].text);
  for (int i = 0; i < COUNT(group); i++) {
    put_text("cg/groups", group[i].groups);
    if (cores_quota("cg/groups", "cg") != group[i].cpus) printf("%s", group[i].groups);
    CHECK(cores_quota("cg/groups", "cg") == group[i].cpus);
  }
  CHECK(cores_quota("cg/none", "cg") == 0);
}

static bool partition(uint64_t n, double holdout, int shuffle) {
  GcData g = {.holdout = holdout, .shuffle = shuffle};
  Data d = {.d = &g, .n = n, .seed = 3};
  split_prepare(&d);
  unsigned char *seen = rt_alloc(n);
  bool ok = d.nhold + d.ntrain == n;
  for (uint64_t i = 0; i < d.nhold; i++) seen[data_hold_record(&d, i)] = 1;
  for (uint64_t epoch = 0; epoch < 3; epoch++) {
    uint64_t last = 0;
    for (uint64_t i = 0; i < d.ntrain; i++) {
      uint64_t r = data_train_record(&d, epoch, i);
      ok = ok && r < n && seen[r] != 1 && seen[r] != 2 + epoch && (shuffle || i == 0 || r > last);
      if (r < n) seen[r] = (unsigned char)(2 + epoch);
      last = r;
    }
  }
  free(seen);
  return ok;
}

static void test_order(void) {
  CHECK(partition(1797, 0.2, 1) && partition(1797, 0.2, 0) && partition(100, 0, 1) && partition(100, 0, 0));
  CHECK(partition(1, 0.5, 1) && partition(5, 1, 1) && partition(7, 0.01, 0));
}

/* Pieces shorter and longer than half the buffer of 64 KiB, one after another: the file is all of them in order. It
 * begins as a checkpoint with a long header does, with 8 bytes of length. */
static void test_dates(void) {
  static const struct {
    const char *text;
    double days;
  } good[] = {{"1970-01-01", 0},
              {"1969-12-31", -1},
              {"2000-02-29", 11016},
              {"20000301", 11017},
              {"0001-01-01", -719162},
              {"9999-12-31", 2932896},
              {" 2024-02-29 ", 19782},
              {"1970-01-02T12:00", 1.5},
              {"1970-01-02 06:00:00Z", 1.25},
              {"1970-01-02T01:00+01:00", 1},
              {"1970-01-01T23:00:00.000-0100", 1},
              {"1970-01-02T01:30:00,5+01", 1 + 1800.5 / 86400},
              {"1970-01-01T24:00", 1}};
  static const char *const bad[] = {"",
                                    "1970",
                                    "1970-1-1",
                                    "1970-13-01",
                                    "1970-00-01",
                                    "1900-02-29",
                                    "2023-02-29",
                                    "1970-01-32",
                                    "1970-0101",
                                    "1970-01-01x",
                                    "01.01.1970",
                                    "1970-01-01T",
                                    "1970-01-01T25:00",
                                    "1970-01-01T10:60",
                                    "1970-01-01T10:00+",
                                    "1970-01-01T10:00+99",
                                    "1970-01-01T24:01",
                                    "1970-01-01T10"};
  double v;
  for (int i = 0; i < COUNT(good); i++) {
    CsvField f = {good[i].text, strlen(good[i].text)};
    v = -1e9;
    CHECK(csv_date(&f, &v) && fabs(v - good[i].days) < 1e-9);
  }
  for (int i = 0; i < COUNT(bad); i++) CHECK(!csv_date(&(CsvField){bad[i], strlen(bad[i])}, &v));
}

static void test_classes(void) {
  static const char *const text[] = {"10", "9", "2.5", "9", "-1"};
  Classes k = {0};
  for (int i = 0; i < COUNT(text); i++) classes_add(&k, text[i], strlen(text[i]));
  int *order = classes_sort(&k); /* by value */
  CHECK(k.n == 4 && order[0] == 3 && order[1] == 2 && order[3] == 0 && classes_number(&k, "10", 2) == 3);
  Classes w = {0};
  for (int i = 5000; i > 0; i--) {
    char s[16];
    classes_add(&w, s, (size_t)sprintf(s, "c%d", i));
  }
  classes_sort(&w); /* by bytes */
  CHECK(w.n == 5000 && !strcmp(w.name[0], "c1") && !strcmp(w.name[1], "c10") && classes_number(&w, "c5000", 5) == 4447);
  CHECK(classes_number(&w, "c5001", 5) < 0);
}

static void test_hash(void) { /* fixed for ever: files carry these */
  CHECK(gc_hash(0, "abc", 3) != gc_hash(0, "abd", 3) && gc_hash(0, "abc", 3) != gc_hash(0, "abc\0", 4));
  CHECK(gc_hash(gc_hash(0, "a", 1), "bc", 2) != gc_hash(gc_hash(0, "ab", 2), "c", 1));
  printf("hash %016llx\n", (unsigned long long)gc_hash(0, "0123456789", 10));
}

const GcModel gc_model;

int main(int argc, char **argv) {
  rt_host = &rt_program;
  if (argc == 3 && !strcmp(argv[1], "gunzip")) {
    Bytes b;
    char err[ERR_TEXT];
    if (!io_read_data(argv[2], &b, err)) {
      printf("%s\n", err);
      return 1;
    }
    fwrite(b.p, 1, b.n, stdout);
    return 0;
  }
  test_philox();
  test_perm();
  test_small_orders();
  test_normal();
  test_files();
  test_pool();
  test_quota();
  test_order();
  test_dates();
  test_classes();
  test_hash();
  printf("units: %d passed, %d failed\n", passed, failed);
  return failed != 0;
}
