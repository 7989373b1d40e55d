# SPDX-License-Identifier: Apache-2.0
# Unit tests, and inflate against gzip.
: "${work:?run.sh sources this file}"
units > units.out 2>&1 || fail "units: $(grep -v '^hash' units.out | head -5)"
grep -q '0 failed' units.out && pass
grep -q 'hash c565f92b8a3f149e' units.out && pass || fail "the hash has changed: weights files contain it"

numbers $([ "${FULL:-}" = 1 ] && echo 5000000 || echo 20000) > numbers.out 2>&1 ||
  fail "numbers: $(head -5 numbers.out)"
grep -q '^numbers: [1-9][0-9]* passed, 0 failed' numbers.out && pass || fail "numbers: $(tail -1 numbers.out)"

head -c 200000 /dev/urandom > random
cat "$here/units.c" "$here/units.c" > twice
: > empty
for f in random twice empty; do
  for level in 1 6 9; do
    gzip -$level < $f > z.gz
    units gunzip z.gz > z 2> err && cmp -s z $f && pass || fail "inflate: $f at level $level: $(head -1 err)"
  done
done
gzip < twice > z.gz
cat z.gz z.gz > two.gz
cat twice twice > four
units gunzip two.gz > z && cmp -s z four && pass || fail "inflate: two members"
for n in 3 12 200 1000 $(($(wc -c < z.gz) - 1)); do
  head -c "$n" z.gz > cut.gz
  units gunzip cut.gz > z && fail "inflate: cut to $n bytes was taken" || pass
done
size=$(wc -c < z.gz)
for at in 3 30 100 1000 2000 $((size - 6)) $((size - 2)); do # one byte changed: corrupt, checksum or length
  cp z.gz bad.gz
  printf '\xA7' | dd of=bad.gz bs=1 seek="$at" conv=notrunc 2> /dev/null
  cmp -s z.gz bad.gz && continue
  units gunzip bad.gz > z && fail "inflate: byte $at changed was taken" || pass
done

# every code has its row, every row its use
grep -ohE '(rt_die|rt_error|refuse)\(([a-z]+, )*E_[A-Z_]+' "$root"/runtime/*.c "$root"/serve/*.c |
  sed 's/.*[( ]E_//' | sort -u > used
sed -n 's/^E([0-9]*, \([A-Z_]*\),.*/\1/p' "$root"/runtime/errors_rt.def | sort -u > rows
same 'codes and rows' used rows
# files of at most 450 lines, functions of at most 60
long=$(awk 'FNR == 1 { n = 0 } /^[a-z_].*\) \{/ { n = FNR } /^}/ { if (n && FNR - n >= 60) print FILENAME ":" n; n = 0 }
  FNR > 450 { print FILENAME " is long"; nextfile }' "$root"/runtime/*.c)
[ -z "$long" ] && pass || fail "too long: $long"
