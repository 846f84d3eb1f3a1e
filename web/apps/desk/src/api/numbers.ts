/** The business numbers, and calling on them. */

import { call } from './client';

export type MediaMode = 'bridge' | 'relay';

export interface BusinessNumber {
  readonly id: string;
  readonly phone_number_id: string;
  readonly waba_id: string;
  readonly phone: string;
  readonly media_mode: MediaMode;
  /** Who takes its inbound calls: people, or a voice bot. */
  readonly inbound: 'agents' | 'stream';
  readonly sandbox: boolean;
}

export interface Calling {
  readonly calling_enabled: boolean;
  readonly country_code: string | null;
  readonly updated_at: string | null;
}

/** With WhatsApp's own `calling` object, which is its own to grow. */
export interface CallingDetail extends Calling {
  readonly settings: unknown;
}

export function numbers(): Promise<BusinessNumber[]> {
  return call('GET', '/api/v1/whatsapp/calling/numbers');
}

export function setMediaMode(phoneNumberId: string, media_mode: MediaMode): Promise<BusinessNumber> {
  return call('PATCH', `/api/v1/whatsapp/calling/numbers/${phoneNumberId}`, { media_mode });
}

/** Gives inbound calls to a voice bot, or back to people. */
export function setInboundStream(phoneNumberId: string, inbound_stream: string | null): Promise<BusinessNumber> {
  return call('PATCH', `/api/v1/whatsapp/calling/numbers/${phoneNumberId}`, { inbound_stream });
}

export function calling(phoneNumberId: string): Promise<CallingDetail> {
  return call('GET', `/api/v1/whatsapp/connections/${phoneNumberId}/calling`);
}

export function switchCalling(phoneNumberId: string, on: boolean): Promise<Calling> {
  return call('POST', `/api/v1/whatsapp/connections/${phoneNumberId}/calling/${on ? 'enable' : 'disable'}`);
}
