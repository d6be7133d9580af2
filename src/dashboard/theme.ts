/** Canvas cannot read CSS variables: their values are fetched here, and again when the colour scheme changes. */
import { useEffect, useState } from 'preact/hooks';

const names = [
  'ink',
  'muted',
  'grid',
  'panel',
  'blue',
  'orange',
  'green',
  'purple',
  'red',
  'grey',
  'shade-copy',
  'shade-switch',
] as const;
export type ColourName = (typeof names)[number];
export type Theme = Readonly<Record<ColourName, string>>;

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Theme;
}

export function useTheme(): Theme {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => setTheme(readTheme());
    dark.addEventListener('change', change);
    return () => dark.removeEventListener('change', change);
  }, []);
  return theme;
}
