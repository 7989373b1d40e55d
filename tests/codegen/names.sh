# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh: names of a .nn file cannot clash with those of the generated C. Every identifier of that C, every
# keyword of C and every macro of its headers becomes the name of a scanned input, of a carry, of a size, of a metric
# and of a model; the C must compile without a warning, after all those headers, and compute the same.
: "${tmp:?run.sh sources this file}"
names=$tmp/names; mkdir -p "$names"
flags="-O0 -Wall -Wextra -Wno-unused -Wno-psabi -Wshadow -Wconversion -Werror"
headers="assert complex ctype errno float inttypes limits locale math setjmp signal stdio stdlib string time wchar
  unistd netdb netinet/in pthread sys/stat"
for h in $headers; do echo "#include <$h.h>"; done >"$names/headers.h"

model() { # model NAME...: two exports of these inputs, with their roles reversed in the second one
  printf '%s\n' "$@" | awk '
    function call(f, first, i, x, c, s) {
      printf "export def %s(", f
      for (i = 0; i < n; i++) printf "%s%s: f32[%s3]", i ? ", " : "", name[i], (i % 2 == first) ? "2, " : ""
      printf ") -> f32[3] {\n  zeros(3)"
      for (i = 0; i + 1 < n; i += 2) {
        x = name[i + first]; c = name[i + 1 - first]
        printf " +\n    %d * scan(%s, 0, step_, %s)[1] * [1.5, 2.5, %d.5]", i + 1, x, c, i
      }
      print "\n}"
    }
    { name[n++] = $0 }
    END {
      print "def step_(x: f32[3], c: f32[3]) -> f32[3] { x * 0.5 + c }"
      call("f", 0); call("g", 1)
    }'
}
driver() { # driver COUNT: prints what f and g give
  awk -v n="$1" 'BEGIN {
    print "#include \"headers.h\"\n#include \"names.h\"\nint main(void) {"
    print "  static unsigned char mem[names_BYTES + 64] __attribute__((aligned(64)));\n  float in[200][6], y[2][3];"
    print "  for (int i = 0; i < 1200; i++) in[i / 6][i % 6] = (float)(i * 37 % 101) / 16;\n  names_init(mem, 1);"
    for (k = 0; k < 2; k++) {
      printf "  names_%s(mem", k ? "g" : "f"
      for (i = 0; i < n; i++) printf ", in[%d]", i
      printf ", y[%d]);\n", k
    }
    print "  for (int i = 0; i < 6; i++) printf(\"%a\\n\", (double)y[i / 3][i % 3]);\n  return 0;\n}"
  }'
}
compile() { # compile DIR: the portable C of DIR/names.nn, run; its output in DIR/out
  gcc -std=gnu11 $flags -I"$names" -I"$1" -o "$1/run" "$names/main.c" "$1/names.c" 2>"$1/log" && "$1/run" >"$1/out"
}

# The names in the C of a model with most of what is printed, and all others.
cat >"$names/source.nn" <<'N'
def step_(x: f32[3], c: f32[3]) -> f32[3] { x * 0.5 + c }
dim T <= 9
def net(x: f32[B, 3]) { x |> linear(24) |> tanh |> dropout(0.2) |> batchnorm |> linear(3) }
use m = net()
data d { source = uniform(n = 64, lo = [0], hi = [1]); x: f32[3] = field(0) * ones(3) }
train { data = d; batch = 4; steps = 4; accumulate = 2; loss = mse(m(x), x) + 0 * step / steps; optim = adam(lr = 0.1)
        metric.error = mean(abs(m(x) - x)) }
export def f(x: f32[T, 3], i: i32[T]) -> f32[3] {
  scan(x, 0, step_, m(x)[0])[-1] * [1.5, 2.5, 3.5] + max(x[i], axes = [0]) + uniform(zeros(3)) +
    f32(argmax(x, axis = 0))
}
N
"$gradc" emit --c "$names/source.nn" -o "$names" 2>"$names/log" || cat "$names/log"
{
  for f in "$names"/source.[ch] $(full &&
    ls codegen/c/*.inc) runtime/model.h; do gcc -fpreprocessed -dD -E -P -x c "$f" 2>/dev/null; done |
    grep -ohE '[A-Za-z_][A-Za-z_0-9]*'
  printf '%s\n' auto break case char const continue default do double else enum extern float for goto if inline int \
    long \
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool \
    _Complex _Generic _Alignas typeof asm class template namespace this new delete i0 v0 s0 x0 y0 c0 d0 c1 d1 t e r q0 \
    table0 weight0 gc_table0 gc_c0 gc_t k0 k1_loop k0_row step__1 gc_step__1 n_T n_B lo hi left here first b0 b1 args m0
  for h in $headers; do echo "#include <$h.h>"; done | gcc -D_GNU_SOURCE -E -dM - | awk '{ print $2 }' | grep -v '[(]' |
    if full; then cat; else grep -E '^[a-z]|^[A-Z]$' ; fi
} | sort -u | grep -vxE 'scan|zeros' >"$names/all" # these the models call
# Those that are allowed as names of inputs: a line each, without the lines that have errors, of which 20 are shown.
awk '{ printf "export def q%d_(%s: f32[1]) -> f32[1] { %s + 1 }\n", NR, $1, $1 }' "$names/all" >"$names/each.nn"
until "$gradc" check "$names/each.nn" >/dev/null 2>"$names/log"; do
  sed -n 's/^ *--> .*each\.nn:\([0-9]*\):.*/\1s,.*,,/p' "$names/log" | sort -u >"$names/wrong"
  [ -s "$names/wrong" ] || break
  sed -i -f "$names/wrong" "$names/each.nn"
done
sed -n 's/^export def q[0-9]*_(\(.*\): f32.*/\1/p' "$names/each.nn" >"$names/legal"
driver 120 >"$names/main.c"
mkdir -p "$names/plain"; model $(seq -f plain%g 120) >"$names/plain/names.nn"
"$gradc" emit --c "$names/plain/names.nn" -o "$names/plain" && compile "$names/plain" || cat "$names/plain/log"
batch=0
while [ $((batch * 120)) -lt "$(wc -l <"$names/legal")" ]; do
  dir=$names/$batch; mkdir -p "$dir"
  # shellcheck disable=SC2046  # a word a name
  model $({ tail -n +$((batch * 120 + 1)) "$names/legal"; seq -f plain%g 120; } | head -n 120) >"$dir/names.nn"
  if "$gradc" emit --c "$dir/names.nn" -o "$dir" 2>"$dir/log" && compile "$dir" &&
     cmp -s "$dir/out" "$names/plain/out" &&
     { ! full || "$gradc" build --cc=gcc --cflags="$flags" "$dir/names.nn" -o "$dir/native" 2>"$dir/log"; }; then pass
  else
    fail "names of inputs from $(sed -n "$((batch * 120 + 1))p" "$names/legal") on:" \
      "$(grep -m 3 -E 'error|warning' "$dir/log")"
  fi
  batch=$((batch + 1))
done
