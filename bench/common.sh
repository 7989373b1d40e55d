# SPDX-License-Identifier: Apache-2.0
# Shared by the benchmarks: the Python environment of the peers, numbers from JSON, binding to CPUs. Needs $here.

environment() {
  [ -n "${PYTHON:-}" ] && return
  PYTHON=$here/.venv/bin/python
  if ! cmp -s "$here/requirements.txt" "$here/.venv/installed.txt"; then
    rm -rf "$here/.venv"
    if ! python3 -m venv "$here/.venv" >/dev/null 2>&1; then
      sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
      echo "bench: installing python3-venv" >&2
      $sudo apt-get install -y -q python3-venv >&2
      python3 -m venv "$here/.venv"
    fi
    echo "bench: installing $(tr '\n' ' ' < "$here/requirements.txt")into bench/.venv" >&2
    "$PYTHON" -m pip install -q -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$here/.venv/installed.txt"
  fi
}

# field LINE KEY: a number in a line of JSON
field() { printf '%s\n' "$1" | sed -n 's/.*"'"$2"'": *\([-+0-9.eE]*\).*/\1/p'; }
# fields LINE KEY...: its numbers as further columns of a CSV row
fields() { line=$1; shift; for key; do printf ',%s' "$(field "$line" "$key")"; done; }
# word LINE KEY: a string in it
word() { printf '%s\n' "$1" | sed -n 's/.*"'"$2"'": *"\([^"]*\)".*/\1/p'; }

# bound THREADS COMMAND...: on the first THREADS CPUs that this process may use
bound() {
  n=$1; shift
  if command -v taskset >/dev/null; then
    cpus=$(taskset -cp $$ | sed 's/.*: //' | awk -v n="$n" '{
      k = split($0, part, ","); out = ""
      for (i = 1; i <= k && n > 0; i++) {
        m = split(part[i], r, "-"); last = m > 1 ? r[2] : r[1]
        for (c = r[1] + 0; c <= last + 0 && n > 0; c++) { out = out (out == "" ? "" : ",") c; n-- }
      }
      print out }')
    taskset -c "$cpus" "$@"
  else
    "$@"
  fi
}

# Without these glibc returns every large block to the kernel and allocates it again with page faults, which costs
# PyTorch up to a quarter of a step.
torch_env="MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483648"
