import type { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { daysLeft, namesInWords, summarizeCertificate } from './certificate.ts';

const shown = {
  subject: 'CN=turn.example.org',
  subjectAltName: 'DNS:turn.example.org, DNS:*.example.org, IP Address:192.0.2.1, DNS:a.example.org',
  issuer: 'C=XX\nCN=Some Authority',
  validFrom: 'Jan  1 00:00:00 2026 GMT',
  validTo: 'Jan 31 12:00:00 2026 GMT',
  fingerprint256: '00:11',
} as X509Certificate;

it('tells names, issuer and times of a certificate', () => {
  const summary = summarizeCertificate(shown);
  expect(summary).toEqual({
    names: ['turn.example.org', '*.example.org', '192.0.2.1', 'a.example.org'],
    issuer: 'Some Authority',
    validFrom: '2026-01-01T00:00:00.000Z',
    validTo: '2026-01-31T12:00:00.000Z',
    fingerprint256: '00:11',
  });
  expect(namesInWords(summary)).toBe('turn.example.org, *.example.org, 192.0.2.1 and 1 more');
  expect(daysLeft(summary, Date.parse('2026-01-30T00:00:00Z') / 1000)).toBe(1);
});

it('takes a time that is none as it is, since nobody has looked into the certificate before', () => {
  const certificate = { ...shown, validTo: 'Bad time value' } as X509Certificate;
  expect(summarizeCertificate(certificate).validTo).toBe('Bad time value');
});
