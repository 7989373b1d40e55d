/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz PORT N SEED: sends N malformed requests to a server on this machine: mutants of good ones, in their bodies or in
 * all of their text. Each must be answered by one of the statuses that the server has, or the connection closed; none
 * may wait. Of those with a complete head, half shut down their writing side, and are answered as well. Good requests
 * in between must have their answers. Prints the number of each status. */
#include "tests/bad/mutate.h"
#include "tests/serve/bodies.h"
#include <errno.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int port;
static long status_count[600];

/* complete: the request is complete, so that its answer must come. */
static int connected(int complete) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct timeval limit = {.tv_usec = complete ? 0 : 20000, .tv_sec = complete ? 10 : 0};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  struct linger now = {1, 0}; /* the connection is forgotten at once, or its port stays in use */
  setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  if (s >= 0 && !connect(s, (struct sockaddr *)&a, sizeof a)) return s;
  perror("connect");
  exit(1);
}

/* The status of the answer; 0: none; -1: it does not come. */
static int exchange(int complete, int half, const char *p, size_t n, char *reply, size_t room) {
  int s = connected(complete);
  size_t got = 0;
  while (n) {
    ssize_t k = send(s, p, n, MSG_NOSIGNAL);
    if (k <= 0) break;
    p += k;
    n -= (size_t)k;
  }
  if (half) shutdown(s, SHUT_WR);
  ssize_t k;
  while ((k = recv(s, reply + got, room - 1 - got, 0)) > 0 && got + 1 < room) got += (size_t)k;
  int timed_out = k < 0 && got == 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  close(s);
  reply[got] = 0;
  if (timed_out) return -1;
  return got > 12 && !memcmp(reply, "HTTP/1.", 7) ? atoi(reply + 9) : 0;
}

/* The text of request i: a body of n bytes, with its length. */
static size_t request(char *to, size_t room, int i, const char *body, size_t n) {
  int head = snprintf(to, room, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
                      good[i][0], good[i][1], n);
  if (n > room - (size_t)head) n = room - (size_t)head;
  memcpy(to + head, body, n);
  return (size_t)head + n;
}

static int known(int status) {
  static const int all[] = {0, 100, 200, 400, 404, 405, 408, 411, 413, 414, 415, 417, 429, 431, 500, 501, 503, 505};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i] == status) return 1;
  return 0;
}

/* Only its body is a mutant. */
static int is_complete(uint64_t seed) { return seed % 5 < 3 && *good[seed % GOOD][2]; }

static int one(uint64_t seed, char *text, char *reply, size_t room) {
  char body[512];
  int i = (int)(seed % GOOD);
  size_t n = body_of(i, body);
  Mutant t = {malloc(1 << 16), 0};
  int complete = is_complete(seed);
  if (complete) {
    memcpy(t.s, body, t.n = n);
    mutate(&t, seed);
    n = request(text, room, i, t.s, t.n);
  } else {
    t.n = request(t.s, 1 << 16, i, body, n);
    mutate(&t, seed);
    memcpy(text, t.s, n = t.n < room ? t.n : room);
  }
  free(t.s);
  int status = exchange(complete, !complete || seed / 5 % 2, text, n, reply, room);
  return status < 0 && !complete ? 0 : status;
}

int main(int argc, char **argv) {
  enum { ROOM = 1 << 18 };
  if (argc != 4) return 2;
  port = atoi(argv[1]);
  long n = atol(argv[2]), bad = 0;
  uint64_t seed = strtoull(argv[3], NULL, 10);
  char *text = malloc(ROOM), *reply = malloc(ROOM), answer[100] = "";
  for (long k = 0; k < n && bad < 20; k++) {
    int status = one(seed + (uint64_t)k, text, reply, ROOM);
    if (!known(status) || (status == 0 && is_complete(seed + (uint64_t)k)))
      printf("FAIL  request %lu: status %d\n", (unsigned long)seed + (unsigned long)k, status), bad++;
    else status_count[status]++;
    if (k % 997) continue;
    size_t m = request(text, ROOM, 1, good[1][2], strlen(good[1][2]));
    int status_of_good = exchange(1, k % 2, text, m, reply, ROOM);
    const char *out = strstr(reply, "{\"out\":[");
    if (out && !*answer) snprintf(answer, sizeof answer, "%s", out); /* of the first, by whatever weights */
    if (status_of_good == 200 && out && !strcmp(out, answer)) continue;
    printf("FAIL  after request %ld a good one has no answer\n", k);
    bad++;
  }
  for (int s = 0; s < 600; s++)
    if (status_count[s]) printf("status %d: %ld\n", s, status_count[s]);
  printf("%ld passed, %ld failed\n", bad ? 0L : 1L, bad);
  return bad > 0;
}
