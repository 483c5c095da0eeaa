// What a key does in the tree, as the WAI-ARIA tree pattern has it.
import type { Building } from './building.ts';
import type { Shown } from './tree.ts';

export type TreeStep = { readonly select: string } | { readonly toggle: string };
type Around = { readonly building: Building; readonly isOpen: (id: string) => boolean };

/** Null: the key is nothing to the tree. */
export function treeKey(
  key: string,
  shown: readonly Shown[],
  selected: string | null,
  around: Around,
): TreeStep | null {
  const index = shown.findIndex(({ id }) => id === selected);
  const at = (place: number): TreeStep | null => {
    const id = shown[Math.min(Math.max(place, 0), shown.length - 1)]?.id;
    return id === undefined ? null : { select: id };
  };
  switch (key) {
    case 'ArrowDown':
      return at(index + 1);
    case 'ArrowUp':
      return at(index - 1);
    case 'Home':
      return at(0);
    case 'End':
      return at(shown.length - 1);
    case 'PageDown':
      return at(index + 8);
    case 'PageUp':
      return at(index - 8);
    case 'ArrowRight':
    case 'ArrowLeft':
      return selected === null ? at(0) : sideways(key, selected, around);
    case 'Enter':
    case ' ':
      return selected !== null && around.building.childrenOf(selected).length > 0 ? { toggle: selected } : at(index);
    default:
      return key.length === 1 ? startingWith(key, shown, index, around.building) : null;
  }
}

/** Right opens or goes in, left closes or goes out. */
function sideways(key: string, selected: string, { building, isOpen }: Around): TreeStep | null {
  const children = building.childrenOf(selected);
  const opened = children.length > 0 && isOpen(selected);
  if (key === 'ArrowRight') {
    if (children.length === 0) return null;
    return opened ? { select: children[0] as string } : { toggle: selected };
  }
  if (opened) return { toggle: selected };
  const parent = building.spaces.get(selected)?.parent_id ?? null;
  return parent === null ? null : { select: parent };
}

/** The next space whose name begins with the letter. */
function startingWith(letter: string, shown: readonly Shown[], index: number, building: Building): TreeStep | null {
  const after = [...shown.slice(index + 1), ...shown.slice(0, index + 1)];
  const next = after.find(({ id }) => building.nameOf(id).toLowerCase().startsWith(letter.toLowerCase()));
  return next === undefined ? null : { select: next.id };
}
