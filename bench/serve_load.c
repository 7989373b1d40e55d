/* SPDX-License-Identifier: Apache-2.0 */
/* serve_load PORT CONNECTIONS SECONDS PATH BODY: a request after the other on each of the connections, to a server on
 * this machine. Prints {"requests": answers, "errors": N, "per_second": X, "p50_ms": X, "p99_ms": X}. One thread: the
 * connections are polled. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 1024, ROOM = 1 << 16 };
typedef struct Link {
  char reply[ROOM];
  size_t got;
  double since;
} Link;
static Link links[MAX];
static struct pollfd fds[MAX];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int connect_to(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (s >= 0 && !connect(s, (struct sockaddr *)&a, sizeof a)) return s;
  perror("connect");
  exit(1);
}

static void post(int i, const char *text, size_t n) {
  links[i].got = 0;
  links[i].since = now();
  if (send(fds[i].fd, text, n, MSG_NOSIGNAL) != (ssize_t)n) exit(1);
}

/* 1: the answer is complete; -1: the connection failed. */
static int receive(int i) {
  Link *l = &links[i];
  ssize_t k = recv(fds[i].fd, l->reply + l->got, ROOM - 1 - l->got, 0);
  if (k <= 0) return -1;
  l->got += (size_t)k;
  l->reply[l->got] = 0;
  const char *end = strstr(l->reply, "\r\n\r\n"), *length = strcasestr(l->reply, "\r\ncontent-length:");
  return end && length && l->got >= (size_t)(end + 4 - l->reply) + strtoul(length + 17, NULL, 10);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int port = atoi(argv[1]), n = atoi(argv[2]);
  double seconds = atof(argv[3]);
  static char text[ROOM], body[ROOM];
  static double took[1 << 22];
  long done = 0, errors = 0;
  FILE *f = fopen(argv[5], "rb");
  size_t m = f ? fread(body, 1, ROOM / 2, f) : 0;
  if (!m || n < 1 || n > MAX) return 2;
  int head = snprintf(text, ROOM,
                      "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "\r\n",
                      argv[4], m);
  memcpy(text + head, body, m);
  for (int i = 0; i < n; i++) fds[i] = (struct pollfd){.fd = connect_to(port), .events = POLLIN};
  double begin = now(), warm = begin + 1, end = warm + seconds;
  for (int i = 0; i < n; i++) post(i, text, (size_t)head + m);
  while (now() < end) {
    poll(fds, (nfds_t)n, 100);
    for (int i = 0; i < n; i++) {
      int r = fds[i].revents ? receive(i) : 0;
      if (r == 0) continue;
      double t = now();
      if (r < 0) return fprintf(stderr, "a connection was closed\n"), 1;
      errors += strncmp(links[i].reply, "HTTP/1.1 200", 12) != 0;
      if (t >= warm && done < (long)(sizeof took / sizeof *took)) took[done++] = t - links[i].since;
      post(i, text, (size_t)head + m);
    }
  }
  qsort(took, (size_t)done, sizeof *took, by_value);
  printf("{\"requests\": %ld, \"errors\": %ld, \"per_second\": %.0f, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n", done,
         errors, (double)done / seconds, done ? took[done / 2] * 1e3 : 0, done ? took[done * 99 / 100] * 1e3 : 0);
  return 0;
}
