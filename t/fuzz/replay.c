#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fuzz/fuzz.h"

/*
 * The main of a fuzz target without libFuzzer: every file of the folders
 * that are named, once, as TAP.
 */
#define INPUT_MAX (4u << 20)

static unsigned int	 count;

/* True: it was read, and nothing trapped. */
static int
replay(const char *folder, const char *name)
{
	char	 path[4096];
	uint8_t	*data = malloc(INPUT_MAX);
	FILE	*f;
	size_t	 n;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL || data == NULL) {
		(void)printf("not ok %u - %s\n", ++count, name);
		free(data);
		return 0;
	}
	n = fread(data, 1, INPUT_MAX, f);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	(void)printf("ok %u - %s\n", ++count, name);
	return 1;
}

static int
replay_folder(const char *folder)
{
	DIR		*d = opendir(folder);
	struct dirent	*one;
	int		 good = 1;

	if (d == NULL) {
		(void)printf("Bail out! %s cannot be read\n", folder);
		return 0;
	}
	while ((one = readdir(d)) != NULL)
		if (one->d_name[0] != '.')
			good = replay(folder, one->d_name) && good;
	(void)closedir(d);
	return good;
}

int
main(int argc, char **argv)
{
	int	 i, good = argc > 1;

	for (i = 1; i < argc; i++)
		good = replay_folder(argv[i]) && good;
	(void)printf("1..%u\n", count);
	return good && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
