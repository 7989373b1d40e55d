/* SPDX-License-Identifier: Apache-2.0 */
/* The base of the runtime: its host, errors, memory, the streams of a program. A failure that the user can cause ends
 * in rt_die: a coded message to the host and the exit status of that code (errors_rt.def). A function whose caller
 * handles the failure returns false instead and leaves the reason in a buffer of ERR_TEXT bytes. */
#ifndef GRADC_RT_H
#define GRADC_RT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
enum { ERR_TEXT = 512 };

/* What the runtime gets its memory from and reports its failures to. A program prints them and exits (program.c); the
 * library returns them as values. */
typedef struct RtHost RtHost;
struct RtHost {
  void *(*memory)(RtHost *h, void *p, size_t n); /* as realloc; new memory is zeroed; n = 0 frees. NULL: none left */
  void *(*block)(RtHost *h, size_t n); /* zeroed, aligned to 128 bytes or more, freed with the host. NULL: none left */
  void (*error)(RtHost *h, int code, const char *text); /* lines after the first: help, or a place */
  void (*quit)(RtHost *h, int code) __attribute__((noreturn));
};
/* The host of the running thread; set before any other call. */
#define RT_STATIC_TLS __attribute__((tls_model("initial-exec"))) /* not allocated on first use, which could fail */
extern _Thread_local RtHost *rt_host RT_STATIC_TLS;
extern RtHost rt_program; /* program.c */

/* err.c */
enum { ST_USER = 1, ST_USAGE = 2, ST_DATA = 4, ST_RESOURCE = 5, ST_NOT_FINITE = 6 };
int rt_status(int code); /* the exit status of an error code */
enum RtErrorCode {       /* of errors_rt.def */
#define E(code, name, title, text) E_##name = code,
#include "errors_rt.def"
#undef E
};
void rt_error(int code, const char *fmt, ...) PRINTF(2, 3); /* reports, and returns */
_Noreturn void rt_die(int code, const char *fmt, ...) PRINTF(2, 3);
_Noreturn void rt_quit(int code);              /* rt_die without a message */
bool rt_is_place(const char *line);            /* "--> FILE:LINE:COLUMN": a place in the .nn */
int rt_distance(const char *a, const char *b); /* Levenshtein, of words shorter than 64 characters */
/* The nearest of n words that is near enough to be meant, or NULL. */
const char *rt_suggest(const char *typed, const char *const *word, int n);
bool rt_fail(char *err, const char *fmt, ...) PRINTF(2, 3); /* fills err[ERR_TEXT], returns false */

/* alloc.c. Never NULL, always zeroed. Out of memory dies with E0660. */
void *rt_alloc(size_t n);
void *rt_array(size_t n, size_t size); /* n * size bytes, checked for overflow */
void *rt_realloc(void *p, size_t n);
void rt_free(void *p);                   /* p may be NULL */
void *rt_try_realloc(void *p, size_t n); /* NULL: none left; the caller cleans up, then calls rt_out_of_memory */
_Noreturn void rt_out_of_memory(size_t n);
char *rt_strdup(const char *s);
char *rt_printf(const char *fmt, ...) PRINTF(1, 2);
size_t rt_mul(size_t a, size_t b);  /* dies on overflow */
void *rt_alloc_block(size_t bytes); /* RtHost.block: the model's memory and its batches */

double rt_now(void); /* clock.c: monotonic time in seconds */

/* program.c: the streams of a program. Messages and progress go to standard error, results to standard output. */
void rt_note(const char *fmt, ...) PRINTF(1, 2); /* one line of text */
void rt_progress(const char *line);              /* replaces the progress line; NULL: erases it */
void rt_out(const char *fmt, ...) PRINTF(1, 2);  /* buffered */
void rt_out_put(const char *p, size_t n);
bool rt_out_failed(void); /* an earlier write failed, so further output is pointless */
bool rt_out_send(void);   /* writes the buffer; false: this or an earlier write failed */
void rt_out_flush(void);  /* rt_out_send; dies if a write failed */
#endif
