// SPDX-License-Identifier: Apache-2.0
// Starts `gradc lsp` for .nn files.
const { workspace } = require('vscode');
const { LanguageClient, TransportKind } = require('vscode-languageclient/node');

let client;

exports.activate = () => {
  const command = workspace.getConfiguration('gradc').get('path');
  const server = { command, args: ['lsp'], transport: TransportKind.stdio };
  client = new LanguageClient('gradc', 'gradc', server, { documentSelector: [{ language: 'nn' }] });
  return client.start();
};

exports.deactivate = () => client && client.stop();
