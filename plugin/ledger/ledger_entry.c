/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_entry.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool has(uint64_t columns, int column) {
  return (columns >> column & 1) != 0;
}

static bool has_data(const struct ledger_value *v) {
  return v->kind == LEDGER_VALUE_TEXT || v->kind == LEDGER_VALUE_BYTES;
}

/* Returns the columns that are not NULL, and the bytes of their values. */
static uint64_t measure(const struct ledger_row *row, size_t *ret_bytes) {
  uint64_t known = 0;
  *ret_bytes = 0;
  for (int i = 0; row->columns >> i != 0; i++) {
    const struct ledger_value *v = &row->values[i];
    if (!has(row->columns, i) || v->kind == LEDGER_VALUE_NULL)
      continue;
    known |= UINT64_C(1) << i;
    *ret_bytes += sizeof *v + (has_data(v) ? v->size + 1 : 0);
  }
  return known;
}

static char *own(struct ledger_value *v, char *at) {
  if (!has_data(v))
    return at;
  memcpy(at, v->data, v->size);
  at[v->size] = '\0';
  v->data = at;
  return at + v->size + 1;
}

/* Copies the known values, and their texts and bytes behind the last one, each
 * with a NUL. */
static void take_values(struct ledger_entry *e, const struct ledger_row *row) {
  size_t count = 0;
  for (int i = 0; e->known >> i != 0; i++)
    if (has(e->known, i))
      e->values[count++] = row->values[i];
  char *data = (char *)(e->values + count);
  for (size_t i = 0; i < count; i++)
    data = own(&e->values[i], data);
}

struct ledger_entry *ledger_entry_new(enum ledger_entry_kind kind,
                                      const struct ledger_row *row) {
  size_t bytes;
  uint64_t known = measure(row, &bytes);
  struct ledger_entry *e = malloc(sizeof *e + bytes);
  if (e == NULL)
    return NULL;
  *e = (struct ledger_entry){.bytes = sizeof *e + bytes,
                             .kind = kind,
                             .table = row->table,
                             .columns = row->columns,
                             .same = row->same,
                             .known = known};
  take_values(e, row);
  return e;
}

void ledger_entry_row(const struct ledger_entry *e, struct ledger_row *row) {
  const struct ledger_value *v = e->values;
  row->table = e->table;
  row->columns = e->columns;
  row->same = e->same;
  for (int i = 0; e->columns >> i != 0; i++)
    if (has(e->known, i))
      row->values[i] = *v++;
    else
      row->values[i].kind = LEDGER_VALUE_NULL;
}
