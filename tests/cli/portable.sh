# Portable C of several models, training and inference: silent with every compiler and level, and without a symbol that
# is not its own. Sourced by run.sh: uses gradc, models, pass, fail.
levels=${LEVELS:-"0 1 2 3"}
silent() { # silent NAME FILE.c
  for cc in gcc clang; do
    command -v $cc >/dev/null || { fail "$cc is not installed"; continue; }
    for level in $levels; do
      if $cc -std=c99 -Wall -Wextra -pedantic -ffreestanding -nostdlib -O"$level" -c "$2" -o one.o 2>err && [ ! -s err ] &&
         [ -z "$(nm -u one.o)" ]; then pass
      else fail "$1 with $cc -O$level: $(head -c 300 err) $(nm -u one.o | tr '\n' ' ')"; fi
    done
  done
}
# Inputs that nothing reads, and names that are words of C or of the generated code.
mkdir odd
cat >odd/odd.nn <<'N'
def net(x: f32[B, 2]) { x |> linear(3) }
use double = net()
data d { source = uniform(n = 10, lo = [0, 0], hi = 1)
         struct: f32[2] = field(0); while: f32[2] = field(0); run: f32[2] = field(0); mem: f32[2] = field(0) }
train { data = d; batch = 2; steps = 3; loss = mean(double(struct)); optim = sgd(lr = 1e-3); metric.int = mean(while); metric.int_ = 1; metric.a.b = 2; metric.a_b = 3 }
export def main(int: f32[1, 2], int_: f32, register: f32[3], mem: f32[2], out: f32[2], m: f32, a: f32, turn: f32) { double(int) }
export def switch(out_1: f32[2]) { [out_1, out_1] }
export def nothing(x: f32[2]) -> f32[2] { [1, 2] }
N
"$gradc" emit --c odd/odd.nn -o odd 2>err && silent "odd names" odd/odd.c || fail "odd names: $(head -n 3 err)"
for model in digits digits_cnn iris lstm; do
  for only in "" --only=infer; do
    rm -rf c; mkdir c
    # shellcheck disable=SC2086
    if "$gradc" emit --c "$models/$model.nn" $only -o c 2>err; then
      [ "$(ls c | tr '\n' ' ')" = "$model.c $model.h " ] && pass || fail "emit $model $only wrote $(ls c)"
      silent "$model.c $only" c/$model.c
    else fail "emit --c $model.nn $only: $(head -n 2 err)"; fi
    bytes=$(sed -n "s/^#define ${model}_BYTES //p" c/$model.h)
    case $only in "") all=$bytes ;; *) [ "$bytes" -lt "$all" ] && pass || fail "$model: inference takes $bytes bytes, training $all" ;; esac
    case $only in "") grep -q "${model}_train_step" c/$model.h && pass || fail "$model.h lacks its training step" ;; esac
  done
done
[ "$("$gradc" report --json --fp=strict "$models/digits.nn" | sed 's/.*"ram_bytes":\([0-9]*\).*/\1/')" = \
  "$(rm -rf c; "$gradc" emit --c "$models/digits.nn" -o c; sed -n 's/^#define digits_BYTES //p' c/digits.h)" ] &&
  pass || fail "ram_bytes of the report is not digits_BYTES"
# Two models in one program: nothing of either clashes.
"$gradc" emit --c "$models/iris.nn" -o two && "$gradc" emit --c "$models/digits.nn" -o two &&
  printf '#include "iris.h"\n#include "digits.h"\nint main(void) { return iris_bytes == digits_bytes; }\n' >two/main.c &&
  gcc -O2 -std=c99 -Wall -Wextra -Werror -o two/main two/main.c two/iris.c two/digits.c 2>err && two/main &&
  pass || fail "two models in one program: $(head -n 3 err)"
# The example of docs/runtime.md compiles and runs.
sed -n '/^```c$/,/^```$/p' "$root/docs/runtime.md" | sed '/^```/d' >example.c
if [ -s example.c ]; then
  "$gradc" emit --c "$models/digits.nn" -o . && gcc -std=c99 -Wall -Wextra -Werror -O2 -o example example.c digits.c 2>err && ./example >out &&
    grep -q 'loss' out && pass || fail "the example of docs/runtime.md: $(head -n 5 err)"
else fail "docs/runtime.md has no example in C"; fi
