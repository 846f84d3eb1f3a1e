/** The kinds of events, as a person chooses among them. */

export interface KindGroup {
  readonly name: string;
  /** Stands for all of them; null where there is no common beginning. */
  readonly all: string | null;
  readonly kinds: readonly string[];
}

const call = (names: string): string[] => names.split(' ').map((name) => `whatsapp.call.${name}`);

export const KIND_GROUPS: readonly KindGroup[] = [
  {
    name: 'Calls',
    all: 'whatsapp.call.*',
    kinds: call(
      'initiated incoming ringing connected_sdp answered completed declined missed failed updated recording_ready ' +
        'transcript_ready permission_updated agent_ringing agent_joined agent_left transferred held resumed parked dtmf',
    ),
  },
  {
    name: 'Contacts',
    all: 'contact.*',
    kinds: 'created updated deleted merged opted_in opted_out segment_changed import_completed import_failed'
      .split(' ')
      .map((name) => `contact.${name}`),
  },
  { name: 'Agents and webhooks', all: null, kinds: ['agent.presence_updated', 'webhook.test', 'webhook.disabled'] },
];

export const KINDS: readonly string[] = KIND_GROUPS.flatMap(({ kinds }) => kinds);

/** What a webhook listens to, in a few words. */
export function topicsInWords(topics: readonly string[]): string {
  if (topics.includes('*')) return 'Everything';
  const words = topics.map((topic) => KIND_GROUPS.find(({ all }) => all === topic)?.name.toLowerCase() ?? topic);
  const shown = words.slice(0, 3).join(', ');
  return words.length > 3 ? `${shown} and ${words.length - 3} more` : shown;
}
