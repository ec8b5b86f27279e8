/* SPDX-License-Identifier: MIT
 *
 * conf_print owns the writing of a configuration as text that parses to the
 * same, for tests and fuzz targets.
 */
#ifndef ONENET_TESTS_CONF_PRINT_H
#define ONENET_TESTS_CONF_PRINT_H

#include "liboconfig/oconfig.h"

/* Returns the items below the root as a text, one a line; the caller frees it.
 * NULL without memory. */
char *conf_print(const oconfig_item_t *root);

#endif
