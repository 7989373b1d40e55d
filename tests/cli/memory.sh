# Budgets of memory. Sourced by run.sh: uses gradc, models, expect, pass, fail.
ram_of() { sed 's/.*"ram_bytes":\([0-9]*\).*/\1/'; }

# N works and N - 1 does not, in every command; the C holds exactly N bytes and refuses to compile with more.
for model in digits digits_cnn iris lstm; do
  expect 1 'E0508' report --fp=strict --ram 1 "$models/$model.nn"
  least=$(sed -n '/./h; ${x; s/^ *= help: the least budget that works is \([0-9]*\) bytes$/\1/p}' err)
  [ -n "$least" ] || { fail "$model: the message does not end with the least budget: $(tail -n 2 err)"; continue; }
  grep -q -- " $models/$model.nn:[0-9]" err && pass || fail "$model: the message has no source line"
  expect 0 '' report --json --fp=strict --ram "$least" "$models/$model.nn"
  [ "$(ram_of <out)" = "$least" ] && pass || fail "$model: ram_bytes $(ram_of <out) under a least budget of $least"
  expect 0 '' emit --c "$models/$model.nn" --ram "$least" -o c
  grep -q "^#define ${model}_BYTES $least\$" c/$model.h && pass || fail "$model: $(grep _BYTES c/$model.h), ram_bytes $least"
  check "$model: C under a budget does not compile" cc -std=c99 -Wall -Wextra -Werror -pedantic -c c/$model.c -o c.o
  sed "s/${model}_BYTES $least/${model}_BYTES $((least + 1))/" c/$model.h >c.h && mv c.h c/$model.h
  cc -std=c99 -c c/$model.c -o c.o 2>err && fail "$model: more bytes than the budget compile" || pass
  rm -rf c
  expect 1 "the least budget that works is $least bytes" emit --c "$models/$model.nn" --ram $((least - 1)) -o c
  [ -e c ] && fail "$model: emit wrote a file beside an error" || pass
done

# The file's budget, that of a target, and --ram in place of them.
sed 's/batch = /ram <= 1000K; batch = /' "$models/digits.nn" >file.nn
for c in report "build -o m" run "emit --c -o c"; do
  # shellcheck disable=SC2086
  expect 1 'ram <= 1000K' $c file.nn
done
[ -e m ] || [ -e c ] && fail "something was written beside an error" || pass
expect 0 '' check file.nn
expect 0 '^graph train_step' ir file.nn
expect 0 'memory, all' report --ram 2M file.nn
expect 0 '' build --ram 2M -o m file.nn
(cat "$models/iris.nn"; echo 'target chip { ram <= 1K }') >target.nn
expect 1 'target chip { ram <= 1K }' report target.nn
(cat "$models/iris.nn"; printf 'target chip { ram <= 3K }\ntarget other { ram <= 4K }\n') >target.nn
expect 0 '' emit --c target.nn -o c
grep -q 'target_BYTES <= 3072 ? 1 : -1' c/target.c && pass || fail "the least of two budgets is not in the C"
expect 0 '' emit --c target.nn --ram 1G -o c
grep -q 'target_BYTES <= 1073741824 ? 1 : -1' c/target.c && pass || fail "--ram does not take the place of the file's budget"
for wrong in 0 -1 K 1k 1.5K 256KB 9999999999G ''; do expect 2 'E0500.*`--ram` takes bytes' report target.nn "--ram=$wrong"; done
