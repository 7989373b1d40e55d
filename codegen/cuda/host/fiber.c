/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of a block as fibers. A thread runs until it must wait; then the next one that can go on does, in the order
 * that the launch asks for. Results that differ between two orders are a race. */
#include "codegen/cuda/host/host.h"
#include <stdlib.h>

_Thread_local Block *block;

/* fiber_switch saves the callee-saved registers and the stack pointer in *from, and continues what *to saved. A new
 * fiber's stack looks as if it had been saved on entry of thread_main. */
void fiber_switch(void **from, void **to);
#if defined __x86_64__ && !defined GC_HOST_UCONTEXT
__asm__(".text\n.globl fiber_switch\n.hidden fiber_switch\n.type fiber_switch,@function\nfiber_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq (%rsi),%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
        ".size fiber_switch,.-fiber_switch\n");
static void *fiber_new(int i) {
  void **sp = (void **)(void *)(block->stacks + (size_t)(i + 1) * STACK_BYTES - 64);
  sp--; /* the alignment on entry of a function */
  *--sp = (void *)thread_main;
  return sp - 6;
}
#elif defined __aarch64__ && !defined GC_HOST_UCONTEXT
__asm__(".text\n.globl fiber_switch\n.hidden fiber_switch\n.type fiber_switch,%function\nfiber_switch:\n"
        "sub sp,sp,#160\nstp x19,x20,[sp]\nstp x21,x22,[sp,16]\nstp x23,x24,[sp,32]\nstp x25,x26,[sp,48]\n"
        "stp x27,x28,[sp,64]\nstp x29,x30,[sp,80]\nstp d8,d9,[sp,96]\nstp d10,d11,[sp,112]\nstp d12,d13,[sp,128]\n"
        "stp d14,d15,[sp,144]\nmov x9,sp\nstr x9,[x0]\nldr x9,[x1]\nmov sp,x9\n"
        "ldp x19,x20,[sp]\nldp x21,x22,[sp,16]\nldp x23,x24,[sp,32]\nldp x25,x26,[sp,48]\n"
        "ldp x27,x28,[sp,64]\nldp x29,x30,[sp,80]\nldp d8,d9,[sp,96]\nldp d10,d11,[sp,112]\nldp d12,d13,[sp,128]\n"
        "ldp d14,d15,[sp,144]\nadd sp,sp,#160\nret\n"
        ".size fiber_switch,.-fiber_switch\n");
static void *fiber_new(int i) {
  void **sp = (void **)(void *)(block->stacks + (size_t)(i + 1) * STACK_BYTES - 64);
  sp -= 20;
  sp[11] = (void *)thread_main;
  return sp;
}
#else
#include <ucontext.h>
/* *from and *to point to contexts, allocated once for each fiber and for the scheduler. */
void fiber_switch(void **from, void **to) {
  if (!*from) *from = calloc(1, sizeof(ucontext_t));
  swapcontext(*from, *to);
}
static void *fiber_new(int i) {
  ucontext_t *u = block->fiber[i].sp;
  if (!u) u = calloc(1, sizeof *u);
  getcontext(u);
  u->uc_stack.ss_sp = block->stacks + (size_t)i * STACK_BYTES;
  u->uc_stack.ss_size = STACK_BYTES;
  u->uc_link = NULL;
  makecontext(u, thread_main, 0);
  return u;
}
#endif

uint32_t random_bits(void) {
  block->random = block->random * 1664525u + 1013904223u;
  return block->random >> 8;
}

static bool can_run(const Fiber *f) { return !f->done && (!f->wait || *f->wait != f->value); }

/* The next thread that can go on, the present one last; -1: there is none. */
static int next_thread(void) {
  int n = block->threads, from = block->current, step = gc_host.order == GC_ORDER_FALLING ? n - 1 : 1;
  if (gc_host.order == GC_ORDER_RANDOM && random_bits() % 16 == 0) from = (int)(random_bits() % (uint32_t)n);
  for (int k = 0, i = from; k < n; k++) {
    i += step;
    if (i >= n) i -= n;
    if (can_run(&block->fiber[i])) return i;
  }
  return -1;
}

/* Continues another thread; work that was put off is done when nobody can go on without it. */
static void reschedule(void) {
  Fiber *from = fiber();
  int i = block->alive ? next_thread() : -1;
  while (i < 0 && block->alive && tma_run_late()) i = next_thread();
  if (i < 0 && block->alive) deadlock();
  if (i < 0 || block->stopped) {
    fiber_switch(&from->sp, &block->main_sp);
    return;
  }
  if (i == block->current) return;
  block->current = i;
  fiber_switch(&from->sp, &block->fiber[i].sp);
}

void needs_fibers(void) {
  if (!block->direct) return;
  error_at(NULL, "threads of a kernel that was said not to wait do so");
  fiber_stop();
}

void wait_until_changed(const uint32_t *word, uint32_t old) {
  Fiber *f = fiber();
  f->wait = word, f->value = old;
  while (*word == old) reschedule();
  f->wait = NULL;
}

_Noreturn void fiber_exit(void) {
  reschedule();
  abort();
}

void fiber_stop(void) {
  block->stopped = true;
  if (block->direct) longjmp(block->out, 1);
  fiber_switch(&fiber()->sp, &block->main_sp);
}

void fiber_start(int threads) {
  for (int i = 0; i < threads; i++) {
    void *sp = fiber_new(i);
    block->fiber[i] = (Fiber){.sp = sp};
  }
  block->current = gc_host.order == GC_ORDER_FALLING ? threads - 1 : 0;
  fiber_switch(&block->main_sp, &fiber()->sp);
}
