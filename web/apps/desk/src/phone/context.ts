/** The page's one softphone, for the pages that are laid out around it. */

import { createContext } from 'svelte';
import type { Phone } from './phone.svelte';

export const [thePhone, providePhone] = createContext<Phone>();
