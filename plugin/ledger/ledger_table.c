/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_table.h"

#define COLUMN(name, type, put, take) {#name, LEDGER_##type},
#define FORM(title, list, keys)                                                \
  {                                                                            \
    .name = title, .columns = list,                                            \
    .column_count = sizeof list / sizeof(list)[0], .key_count = keys           \
  }

static const struct ledger_column commands[] = {
    LEDGER_COMMANDS(COLUMN, COLUMN, COLUMN, COLUMN, COLUMN)};
static const struct ledger_column slots[] = {
    LEDGER_SLOTS(COLUMN, COLUMN, COLUMN)};
static const struct ledger_column series[] = {LEDGER_SERIES(COLUMN, COLUMN)};
static const struct ledger_column totals[] = {LEDGER_TOTALS(COLUMN, COLUMN)};
static const struct ledger_column failing[] = {LEDGER_FAILING(COLUMN, COLUMN)};
static const struct ledger_column ids[] = {LEDGER_IDS(COLUMN, COLUMN)};
static const struct ledger_column orders[] = {
    LEDGER_ORDERS(COLUMN, COLUMN, COLUMN)};
static const struct ledger_column agent[] = {LEDGER_AGENT(COLUMN, COLUMN)};
static const struct ledger_column endpoints[] = {
    LEDGER_ENDPOINTS(COLUMN, COLUMN)};

_Static_assert(LEDGER_COMMANDS_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_SLOTS_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_SERIES_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_TOTALS_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_FAILING_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_IDS_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_ORDERS_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_AGENT_COLUMNS <= LEDGER_COLUMNS_MAX &&
                   LEDGER_ENDPOINTS_COLUMNS <= LEDGER_COLUMNS_MAX,
               "a row has room for the columns of each table");
_Static_assert(LEDGER_COLUMNS_MAX < 64, "a mask has a bit for each column");

const struct ledger_form ledger_forms[LEDGER_TABLES] = {
    [LEDGER_TABLE_COMMANDS] = FORM("commands", commands, 1),
    [LEDGER_TABLE_SLOTS] = FORM("slots", slots, 1),
    [LEDGER_TABLE_SERIES] = FORM("series", series, 2),
    [LEDGER_TABLE_TOTALS] = FORM("totals", totals, 1),
    [LEDGER_TABLE_FAILING] = FORM("failing", failing, 2),
    [LEDGER_TABLE_IDS] = FORM("ids", ids, 1),
    [LEDGER_TABLE_ORDERS] = FORM("orders", orders, 1),
    [LEDGER_TABLE_AGENT] = FORM("agent", agent, 1),
    [LEDGER_TABLE_ENDPOINTS] = FORM("endpoints", endpoints, 1),
};

static uint64_t first_columns(size_t count) {
  return (UINT64_C(1) << count) - 1;
}

uint64_t ledger_table_all(enum ledger_table table) {
  return first_columns(ledger_forms[table].column_count);
}

uint64_t ledger_table_key(enum ledger_table table) {
  return first_columns(ledger_forms[table].key_count);
}
