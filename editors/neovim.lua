-- SPDX-License-Identifier: Apache-2.0
-- Starts `gradc lsp` for .nn files: Neovim 0.8 or later.
vim.filetype.add({ extension = { nn = 'nn' } })
vim.api.nvim_create_autocmd('FileType', {
  pattern = 'nn',
  callback = function(event)
    vim.lsp.start({ name = 'gradc', cmd = { 'gradc', 'lsp' }, root_dir = vim.fs.dirname(event.file) })
  end,
})
