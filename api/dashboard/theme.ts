// Light or dark: as the system has it, until somebody chooses.
import { found } from './element.ts';

const NAME = 'footfall-theme';

/** `onChange` is told when the other one has been chosen. */
export function followTheme(onChange: () => void): void {
  const root = document.documentElement;
  const button = found('theme');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset['theme'] ?? (dark.matches ? 'dark' : 'light')) === 'dark';
  const write = () => button.setAttribute('aria-label', isDark() ? 'Use light colours' : 'Use dark colours');
  const chosen = localStorage.getItem(NAME);
  if (chosen !== null) root.dataset['theme'] = chosen;
  button.addEventListener('click', () => {
    root.dataset['theme'] = isDark() ? 'light' : 'dark';
    localStorage.setItem(NAME, root.dataset['theme']);
    write();
    onChange();
  });
  dark.addEventListener('change', write);
  write();
}
