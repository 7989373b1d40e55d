# SPDX-License-Identifier: Apache-2.0
# Augmentation: what it does to pictures, by formulas in Python; the same numbers whatever the batch and the threads.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/augment
pc='-lm -ldl -lpthread'
nm "$build/libgradc.a" | grep -q ' U png_' && pc="-lpng $pc"
nm "$build/libgradc.a" | grep -q ' U jpeg_' && pc="-ljpeg $pc"
cd "$tmp" || exit 2
command -v python3 >/dev/null || { echo 'augment: no python3' >&2; exit 1; }
cp "$here/fields.nn" .
python3 "$here/check.py" make fields.csv
# shellcheck disable=SC2086  # several libraries
${CC:-cc} -std=gnu11 -Wall -I"$root" -o fields "$here/fields.c" "$build/libgradc.a" $pc 2>log || fail "$(cat log)"
for run in '0 8' '0 5' '1 8' '-1 8'; do
  # shellcheck disable=SC2086  # epoch and batch
  ./fields fields.nn $run >"epoch_${run% *}_${run#* }" || fail "fields $run"
done
tally 'what it does' python3 "$here/check.py" check epoch_0_8 epoch_0_5 epoch_1_8 epoch_-1_8
trained() { "$gradc" run fields.nn --json "$@" 2>>log | hash_of; }
want=$(trained --run-dir a --threads 1)
[ -n "$want" ] && pass || fail "run: $(tail -n 3 log)"
equal 'two threads' "$(trained --run-dir b --threads 2)" "$want"
trained --run-dir c --stop-at 3 >/dev/null
equal 'resumed within an epoch' "$(trained --run-dir c --resume)" "$want"
counts
