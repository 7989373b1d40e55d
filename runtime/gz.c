/* SPDX-License-Identifier: Apache-2.0 */
/* gzip (RFC 1952) and deflate (RFC 1951), so that training binaries need only libc. All members of a file are decoded;
 * the checksum and length of each are verified. */
#include "io.h"
#include <string.h>

enum { FAST = 10, MAX_BITS = 15, SYMBOLS = 288 };
typedef struct Code {       /* a canonical Huffman code: a table for short codes, counts for longer ones */
  uint16_t fast[1 << FAST]; /* symbol << 4 | length; 0: longer than FAST bits, or no code */
  uint16_t count[MAX_BITS + 1], symbol[SYMBOLS];
} Code;
typedef struct Inflate {
  const unsigned char *p, *end;
  uint64_t bits;
  int nbits;
  bool over;   /* read past the end of the input */
  size_t most; /* 0: any length; else so many bytes of output are enough */
  bool full;   /* and there are more */
  Bytes out;
  size_t cap, start; /* where this member's output starts */
  Code lit, dist;
} Inflate;

bool gz_is(const Bytes *b) { return b->n >= 2 && b->p[0] == 0x1F && b->p[1] == 0x8B; }

static void fill(Inflate *z) {
  while (z->nbits <= 56 && z->p < z->end) {
    z->bits |= (uint64_t)*z->p++ << z->nbits;
    z->nbits += 8;
  }
}

static unsigned get_bits(Inflate *z, int n) {
  if (z->nbits < n) fill(z);
  if (z->nbits < n) {
    z->over = true;
    return 0;
  }
  unsigned v = (unsigned)(z->bits & ((1u << n) - 1));
  z->bits >>= n;
  z->nbits -= n;
  return v;
}

/* False: over-subscribed, or incomplete with more than one symbol; deflate allows a single incomplete distance code. */
static bool build(Code *c, const unsigned char *length, int n) {
  memset(c, 0, sizeof *c);
  for (int i = 0; i < n; i++) c->count[length[i]]++;
  int used = n - c->count[0], left = 1;
  c->count[0] = 0;
  uint16_t at[MAX_BITS + 2] = {0}, code[MAX_BITS + 2] = {0};
  for (int b = 1; b <= MAX_BITS; b++) {
    left = left * 2 - c->count[b];
    if (left < 0) return false;
    at[b + 1] = at[b] + c->count[b];
    code[b + 1] = (uint16_t)((code[b] + c->count[b]) << 1);
  }
  if (left > 0 && used > 1) return false;
  for (int i = 0; i < n; i++) {
    int b = length[i];
    if (!b) continue;
    c->symbol[at[b]++] = (uint16_t)i;
    unsigned v = code[b]++, r = 0;
    if (b > FAST) continue;
    for (int k = 0; k < b; k++) r |= (v >> k & 1) << (b - 1 - k);
    for (; r < 1u << FAST; r += 1u << b) c->fast[r] = (uint16_t)(i << 4 | b);
  }
  return true;
}

static int symbol(Inflate *z, const Code *c) { /* -1: not a code */
  if (z->nbits < MAX_BITS) fill(z);
  unsigned f = c->fast[z->bits & ((1 << FAST) - 1)];
  if (f && (int)(f & 15) <= z->nbits) {
    z->bits >>= f & 15;
    z->nbits -= (int)(f & 15);
    return (int)(f >> 4);
  }
  int code = 0, first = 0, index = 0;
  for (int b = 1; b <= MAX_BITS && !z->over; b++) {
    code |= (int)get_bits(z, 1);
    int count = c->count[b];
    if (code - count < first) return c->symbol[index + (code - first)];
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return -1;
}

static unsigned char *reserve(Inflate *z, size_t n) {
  if (z->cap - z->out.n < n) {
    z->cap = rt_mul(z->cap, 2) + n;
    z->out.p = rt_realloc(z->out.p, z->cap + 1);
  }
  return z->out.p + z->out.n;
}

static bool stored(Inflate *z) {
  get_bits(z, z->nbits & 7);
  unsigned n = get_bits(z, 16), inverse = get_bits(z, 16);
  if (z->over || (n ^ inverse) != 0xFFFF) return false;
  unsigned char *o = reserve(z, n);
  for (unsigned i = 0; i < n && !z->over; i++) {
    o[i] = (unsigned char)get_bits(z, 8);
    z->out.n += !z->over;
  }
  return !z->over;
}

static bool fixed(Inflate *z) {
  unsigned char length[SYMBOLS];
  for (int i = 0; i < SYMBOLS; i++) length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  build(&z->lit, length, SYMBOLS);
  memset(length, 5, 30);
  memset(&z->dist, 0, sizeof z->dist);
  unsigned char five[32];
  memset(five, 5, sizeof five); /* symbols 30 and 31 complete the code; block() refuses them */
  return build(&z->dist, five, 32);
}

static bool dynamic(Inflate *z) {
  static const unsigned char order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  unsigned char length[320] = {0};
  int nlit = (int)get_bits(z, 5) + 257, ndist = (int)get_bits(z, 5) + 1, ncode = (int)get_bits(z, 4) + 4;
  if (z->over || nlit > 286 || ndist > 30) return false;
  for (int i = 0; i < ncode; i++) length[order[i]] = (unsigned char)get_bits(z, 3);
  if (z->over || !build(&z->lit, length, 19)) return false;
  memset(length, 0, sizeof length);
  for (int i = 0; i < nlit + ndist;) {
    int s = symbol(z, &z->lit);
    if (s < 0) return false;
    if (s < 16) {
      length[i++] = (unsigned char)s;
      continue;
    }
    if (s == 16 && i == 0) return false;
    unsigned char v = s == 16 ? length[i - 1] : 0;
    int n = s == 16 ? 3 + (int)get_bits(z, 2) : s == 17 ? 3 + (int)get_bits(z, 3) : 11 + (int)get_bits(z, 7);
    if (z->over || i + n > nlit + ndist) return false;
    memset(length + i, v, (size_t)n);
    i += n;
  }
  if (length[256] == 0) return false; /* no end-of-block symbol */
  return build(&z->lit, length, nlit) && build(&z->dist, length + nlit, ndist);
}

static bool block(Inflate *z) {
  static const uint16_t base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
  static const uint16_t far[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                   33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                   1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
  while (true) {
    int s = symbol(z, &z->lit);
    if (s < 0 || z->over || s > 285) return false;
    if (s == 256) return true;
    if (z->most && z->out.n > z->most) z->full = true;
    if (z->full) return false;
    unsigned char *o = reserve(z, 260);
    if (s < 256) {
      *o = (unsigned char)s;
      z->out.n++;
      continue;
    }
    size_t n = base[s - 257] + get_bits(z, extra[s - 257]);
    int d = symbol(z, &z->dist);
    if (d < 0 || d > 29) return false;
    size_t back = far[d] + get_bits(z, d < 2 ? 0 : d / 2 - 1);
    if (z->over || back > z->out.n - z->start) return false;
    for (size_t i = 0; i < n; i++) o[i] = o[(ptrdiff_t)i - (ptrdiff_t)back];
    z->out.n += n;
  }
}

uint32_t gz_crc32(const unsigned char *p, size_t n) {
  uint32_t table[256], c = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int k = 0; k < 8; k++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
  }
  for (size_t i = 0; i < n; i++) c = table[(c ^ p[i]) & 255] ^ c >> 8;
  return ~c;
}

static const char *header(Inflate *z) {
  enum { FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16 };
  if (z->end - z->p < 10) return "the header is truncated";
  if (z->p[0] != 0x1F || z->p[1] != 0x8B) return "something that is not gzip follows";
  if (z->p[2] != 8 || z->p[3] & 0xE0) return "an unknown compression method";
  unsigned flags = z->p[3];
  z->p += 10;
  if (flags & FEXTRA) {
    size_t n = z->end - z->p < 2 ? SIZE_MAX : (size_t)(z->p[0] | z->p[1] << 8) + 2;
    if ((size_t)(z->end - z->p) < n) return "the header is truncated";
    z->p += n;
  }
  for (unsigned f = FNAME; f <= FCOMMENT; f *= 2) {
    if (!(flags & f)) continue;
    const unsigned char *nul = memchr(z->p, 0, (size_t)(z->end - z->p));
    if (!nul) return "the header is truncated";
    z->p = nul + 1;
  }
  if (flags & FHCRC) z->p += z->end - z->p < 2 ? z->end - z->p : 2;
  return NULL;
}

/* The blocks of a stream. */
static const char *blocks(Inflate *z) {
  z->bits = 0;
  z->nbits = 0;
  z->start = z->out.n;
  for (bool last = false; !last;) {
    last = get_bits(z, 1);
    unsigned type = get_bits(z, 2);
    bool ok = type == 0 ? stored(z) : type == 1 ? fixed(z) && block(z) : type == 2 && dynamic(z) && block(z);
    if (z->full) return "the data is longer than its length says";
    if (z->over) return "the data ends too early";
    if (!ok) return "the compressed data is corrupt";
  }
  return NULL;
}

static const char *member(Inflate *z) {
  const char *wrong = header(z);
  if (!wrong) wrong = blocks(z);
  if (wrong) return wrong;
  get_bits(z, z->nbits & 7);
  uint32_t crc = get_bits(z, 16), size;
  crc |= (uint32_t)get_bits(z, 16) << 16;
  size = get_bits(z, 16);
  size |= (uint32_t)get_bits(z, 16) << 16;
  if (z->over) return "the data ends too early";
  size_t n = z->out.n - z->start;
  if (size != (uint32_t)n) return "the length does not agree";
  if (crc != gz_crc32(z->out.p + z->start, n)) return "the checksum does not agree";
  z->p -= z->nbits / 8; /* gives back the bytes that were read ahead */
  return NULL;
}

static Inflate *begin(const Bytes *in) {
  Inflate *z = rt_alloc(sizeof *z);
  z->p = in->p;
  z->end = in->p + in->n;
  z->cap = in->n * 4 + 512;
  z->out.p = rt_alloc(z->cap + 1);
  return z;
}

bool gz_head(const Bytes *in, Bytes *out) {
  Inflate *z = begin(in);
  member(z); /* fails at the end of the input, with some output */
  *out = z->out;
  rt_free(z);
  return out->n > 0;
}

bool gz_inflate_raw(const Bytes *in, size_t n, uint32_t crc, Bytes *out, char *err) {
  Inflate *z = begin(in);
  z->most = n ? n : 1;
  const char *wrong = blocks(z);
  if (!wrong && z->out.n != n) wrong = "the length does not agree";
  if (!wrong && crc != gz_crc32(z->out.p, n)) wrong = "the checksum does not agree";
  if (wrong) rt_free(z->out.p);
  else *out = z->out;
  rt_free(z);
  return wrong ? rt_fail(err, "%s", wrong) : true;
}

bool gz_head_raw(const Bytes *in, size_t n, Bytes *out) {
  Inflate *z = begin(in);
  z->most = n;
  blocks(z);
  *out = z->out;
  rt_free(z);
  return out->n > 0;
}

bool gz_inflate(const Bytes *in, Bytes *out, char *err) {
  Inflate *z = begin(in);
  const char *wrong = NULL;
  do wrong = member(z);
  while (!wrong && z->p < z->end);
  if (wrong) rt_free(z->out.p);
  else {
    *out = z->out;
    out->p[out->n] = 0;
  }
  rt_free(z);
  return wrong ? rt_fail(err, "%s", wrong) : true;
}
