# SPDX-License-Identifier: Apache-2.0
# form(NAME): class and form of the kernel of that name, such as contract_mma of k12_net_linear_1_relu_contract_mma; of
# a kernel without a class what follows its number.
function form(name,   n, i, word) {
  if (!sub(/^k[0-9]+_/, "", name)) return name
  n = split(name, word, "_")
  for (i = n; i > 0 && word[i] !~ /^(loop|row|contract|conv|window|scatter|cum|concat|attend|sort)$/; i--);
  if (i > 1 && word[i - 1] == word[i]) i-- # the class sort has a form of that name
  if (i < 1) return name
  for (name = word[i++]; i <= n; i++) name = name "_" word[i]
  return name
}
