/* SPDX-License-Identifier: MIT
 *
 * replay owns the running of a fuzz target over its corpus: the files of
 * $srcdir/tests/fuzz/corpus/FUZZ_CORPUS.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES 4096
#define INPUT_BYTES (1 << 20)

/* Runs the target over the file, in memory of just its size, so that a
 * sanitizer sees each byte behind it. Returns whether it could be read. */
static int replay(const char *path) {
  static uint8_t input[INPUT_BYTES];
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return 0;
  size_t size = fread(input, 1, sizeof(input), file);
  uint8_t *exact = malloc(size > 0 ? size : 1);
  int is_read = ferror(file) == 0 && exact != NULL;
  for (size_t i = 0; is_read && i < size; i++)
    exact[i] = input[i];
  if (is_read)
    LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  fclose(file);
  return is_read;
}

int main(void) {
  char folder[PATH_BYTES / 2], path[PATH_BYTES];
  const char *source = getenv("srcdir");
  int replayed = 0;
  snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/" FUZZ_CORPUS,
           source != NULL ? source : ".");
  DIR *directory = opendir(folder);
  if (directory == NULL) {
    perror(folder);
    return EXIT_FAILURE;
  }
  for (struct dirent *e; (e = readdir(directory)) != NULL;) {
    if (e->d_name[0] == '.')
      continue;
    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
    printf("%s\n", path);
    fflush(stdout);
    if (!replay(path)) {
      perror(path);
      return EXIT_FAILURE;
    }
    replayed++;
  }
  closedir(directory);
  printf("%d replayed\n", replayed);
  return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
