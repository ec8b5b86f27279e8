/* SPDX-License-Identifier: MIT */
#include "sim_uuid.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

void sim_uuid_init(struct sim_uuid_source *source) {
  source->counter = 0;
  if (RAND_bytes(source->name_space, sizeof(source->name_space)) != 1)
    sim_buf_die("no random numbers");
}

static void print(const unsigned char bytes[static 16],
                  char ret_uuid[static SIM_UUID_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  char *end = ret_uuid;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *end++ = '-';
    *end++ = digits[bytes[i] >> 4];
    *end++ = digits[bytes[i] & 15];
  }
  *end = '\0';
}

void sim_uuid_next(struct sim_uuid_source *source,
                   char ret_uuid[static SIM_UUID_SIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  struct sim_buf text = {0};
  sim_buf_add_bytes(&text, source->name_space, sizeof(source->name_space));
  sim_buf_addf(&text, "%llu", (unsigned long long)++source->counter);
  if (EVP_Digest(text.data, text.length, digest, NULL, EVP_sha1(), NULL) != 1)
    sim_buf_die("no SHA-1");
  digest[6] = (unsigned char)((digest[6] & 0x0f) | 0x50);
  digest[8] = (unsigned char)((digest[8] & 0x3f) | 0x80);
  print(digest, ret_uuid);
  sim_buf_free(&text);
}
