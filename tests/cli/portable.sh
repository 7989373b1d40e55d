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
