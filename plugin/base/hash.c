/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#define FACTOR UINT64_C(1099511628211)

uint64_t hash_number(uint64_t hash, uint64_t number) {
  return (hash ^ number) * FACTOR;
}

uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * FACTOR;
  return hash;
}
