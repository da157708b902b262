import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Command } from 'commander';
import { loadConfiguration } from '../../config/load-configuration.ts';
import type { Configuration } from '../../config/settings.ts';
import { type CommandContext, ExitCode } from '../command-context.ts';
import { badConfiguration, CommandFailure, wrongUsage } from '../command-failure.ts';
import { addConfigFlag, configurationFile } from '../configuration-flags.ts';
import { trustedCertificates } from '../trusted-certificates.ts';

export interface DaemonOptions {
  readonly config?: string;
  readonly url?: string;
  readonly ca?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
}

/** Where the HTTP service of a running server is, and how to know that it is the one. */
export interface DaemonAddress {
  /** Without a slash at its end. */
  readonly url: string;
  /** Trusted in place of the public authorities. PEM. */
  readonly trusted?: string;
  /** From the server's own configuration: the name that its certificate is for, as the URL names an address. */
  readonly publicHost?: string;
  /** From the server's own configuration: its very certificate, which needs nobody to vouch for it. PEM. */
  readonly certificate?: string;
}

/** Adds the flags that say which server is meant, and with which key. */
export function addDaemonFlags(command: Command): Command {
  command
    .option('--url <URL>', 'the HTTP service of the server (default: as its configuration has it)')
    .option('--key-file <FILE>', 'read the API key from a file, or from stdin with - (or TACITURN_API_KEY)')
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .option('--json', 'one JSON document');
  return addConfigFlag(command);
}

/** Finds the HTTP service: at `--url`, else where the configuration of the server has it. */
export function daemonAddress(options: DaemonOptions, context: CommandContext): DaemonAddress {
  const trusted = options.ca === undefined ? {} : { trusted: trustedCertificates(options.ca, context) };
  if (options.url !== undefined) return { url: checkedUrl(options.url), ...trusted };
  const { environment, workingDirectory } = context;
  const loaded = loadConfiguration({ file: configurationFile(options, environment), environment, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  return { ...configuredAddress(loaded.configuration), ...trusted };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw wrongUsage(`--url takes the URL of an HTTP service, such as http://127.0.0.1:8080.`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw wrongUsage('--url takes no user, password, query or fragment; the API key comes from --key-file.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Where the HTTP service of this configuration is, as seen from this machine.
 *
 * @throws CommandFailure when it is switched off, or only the server knows its port.
 */
export function configuredAddress({ http, publicHost }: Configuration): DaemonAddress {
  if (!http.enabled) {
    throw unknownAddress('The HTTP service is switched off (http.enabled), and this command needs it.');
  }
  if (http.port === 0) {
    throw unknownAddress('http.port is 0, so the server chooses a port at its start: name the service with --url.');
  }
  const host = http.host === '0.0.0.0' ? '127.0.0.1' : http.host === '::' ? '::1' : http.host;
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${http.port}`;
  if (http.certificateFile === undefined) return { url: `http://${authority}` };
  const certificate = readIfAllowed(http.certificateFile);
  return {
    url: `https://${authority}`,
    ...(publicHost !== undefined && { publicHost }),
    ...(certificate !== undefined && { certificate }),
  };
}

/** Whoever may not read it can still do what everybody does: check who has signed it. */
function readIfAllowed(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function unknownAddress(message: string): CommandFailure {
  return new CommandFailure(ExitCode.badConfiguration, 'no_http_service', message);
}
