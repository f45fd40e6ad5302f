#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "config/account.h"
#include "config/conf.h"
#include "config/cpus.h"
#include "config/envfile.h"
#include "config/find.h"
#include "config/load.h"
#include "config/words.h"
#include "t/unit.h"

/* A scratch folder for each test; check runs each in a process. */
static char	 scratch[256];

static void
set_up(void)
{
	const char	*dir = getenv("TMPDIR");

	(void)snprintf(scratch, sizeof(scratch), "%s/rota-unit.XXXXXX",
	    dir != NULL ? dir : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void
tear_down(void)
{
	ck_assert_int_eq(nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS),
	    0);
}

/* The path of a name in the scratch folder; valid until the next call. */
static const char *
at(const char *name)
{
	static char	 path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}

static void
put(const char *name, const char *text, size_t len, mode_t mode)
{
	int	 fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
}

/* --- CPUs ----------------------------------------------------------------- */

static const struct {
	const char	*proc;		/* /proc/self/cgroup */
	const char	*file, *text;	/* what the hierarchy has */
	const char	*file2, *text2;
	unsigned int	 cpus;
} quota_rows[] = {
	{ "0::/\n", "cpu.max", "200000 100000\n", NULL, NULL, 2 },
	{ "0::/\n", "cpu.max", "150000 100000\n", NULL, NULL, 2 },
	{ "0::/\n", "cpu.max", "1000 100000\n", NULL, NULL, 1 },
	{ "0::/\n", "cpu.max", "max 100000\n", NULL, NULL, 0 },
	{ "0::/\n", "cpu.max", "junk\n", NULL, NULL, 0 },
	{ "0::/\n", "cpu.max", "5 0\n", NULL, NULL, 0 },
	{ "0::/a/b\n", "a/cpu.max", "300000 100000\n", "a/b/cpu.max",
	    "max 100000\n", 3 },
	{ "0::/a/b\n", "a/cpu.max", "300000 100000\n", "a/b/cpu.max",
	    "700000 100000\n", 3 },
	{ "0::/not/seen\n", "cpu.max", "400000 100000\n", NULL, NULL, 4 },
	{ "9:cpuset:/\n3:cpu,cpuacct:/a\n0::/\n",
	    "cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n",
	    "cpu,cpuacct/a/cpu.cfs_period_us", "100000\n", 3 },
	{ "1:cpu:/\n", "cpu/cpu.cfs_quota_us", "-1\n",
	    "cpu/cpu.cfs_period_us", "100000\n", 0 },
	{ "1:cpuset:/\n2:cpuacct:/\n", "cpu/cpu.cfs_quota_us", "100000\n",
	    "cpu/cpu.cfs_period_us", "100000\n", 0 },
	{ "junk\n", "cpu.max", "200000 100000\n", NULL, NULL, 0 },
	{ "", "cpu.max", "200000 100000\n", NULL, NULL, 0 },
};

START_TEST(quota_table)
{
	static const char *const dirs[] = {
		"a", "a/b", "cpu", "cpu,cpuacct", "cpu,cpuacct/a"
	};
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(dirs); i++)
		ck_assert_int_eq(mkdir(at(dirs[i]), 0700), 0);
	put(quota_rows[_i].file, quota_rows[_i].text,
	    strlen(quota_rows[_i].text), 0600);
	if (quota_rows[_i].file2 != NULL)
		put(quota_rows[_i].file2, quota_rows[_i].text2,
		    strlen(quota_rows[_i].text2), 0600);
	ck_assert_uint_eq(cpus_quota(quota_rows[_i].proc, scratch),
	    quota_rows[_i].cpus);
	ck_assert_uint_ge(cpus_usable(), 1);
}
END_TEST

/* --- env files ------------------------------------------------------------ */

static const struct {
	const char	*text;
	const char	*vars;		/* with '|' after each; NULL: refused */
	const char	*said;		/* after the path */
} env_rows[] = {
	{ "", "", NULL }, { "# c\n\n  # d\n", "", NULL },
	{ "A=1\nB=\n", "A=1|B=|", NULL }, { "A=1", "A=1|", NULL },
	{ "export A=1\n  B=2\n\texport\tC=3\n", "A=1|B=2|C=3|", NULL },
	{ "A= b c  \t\r\nB=x\r\n", "A= b c|B=x|", NULL },
	{ "A=' b '\nB=\" c \" # d\nC=''\n", "A= b |B= c |C=|", NULL },
	{ "A='a\\n\"$x'\n", "A=a\\n\"$x|", NULL },
	{ "A=\"a\\nb\\\"\\\\\\$\\`\\x\"\n", "A=a\nb\"\\$`\\x|", NULL },
	{ "A=$x#y=z\n", "A=$x#y=z|", NULL }, { "A=1\nA=2\n", "A=1|A=2|",
	    NULL },
	{ "\xef\xbb\xbf" "A=1\n", "A=1|", NULL },
	{ "A=it's\n", "A=it's|", NULL },
	{ "exportA=1\n", "exportA=1|", NULL },
	{ "A\n", NULL, ":1: expected NAME=value" },
	{ "\nA = 1\n", NULL, ":2: expected NAME=value" },
	{ "1A=1\n", NULL, ":1: expected NAME=value" },
	{ "A-B=1\n", NULL, ":1: expected NAME=value" },
	{ "=1\n", NULL, ":1: expected NAME=value" },
	{ "A='1\n'\n", NULL, ":1: the quote is never closed" },
	{ "A=\"1\\\"\n", NULL, ":1: the quote is never closed" },
	{ "A='1'2\n", NULL, ":1: nothing can follow" },
	{ "A=1\nB=1 # x\n", NULL, ":2: ' #' could be" },
	{ "ROTA_POOL=x\n", NULL, ":1: variables that begin with ROTA_" },
};

START_TEST(env_table)
{
	char		 got[256] = "", want[640];
	char		**vars, **v;
	struct err	 e;
	size_t		 n = 0;
	int		 r;

	put("e", env_rows[_i].text, strlen(env_rows[_i].text), 0600);
	r = envfile_read(at("e"), &vars, &e);
	ck_assert_msg((r == 0) == (env_rows[_i].vars != NULL), "%s: %s",
	    env_rows[_i].text, r == 0 ? "accepted" : e.msg);
	if (r == -1) {
		(void)snprintf(want, sizeof(want), "%s%s", at("e"),
		    env_rows[_i].said);
		ck_assert_mem_eq(e.msg, want, strlen(want));
		return;
	}
	for (v = vars; *v != NULL; v++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s|", *v);
	ck_assert_str_eq(got, env_rows[_i].vars);
	words_free(vars);
}
END_TEST

START_TEST(env_not_a_file)
{
	static char	 big[(1 << 20) + 2];
	char		**vars;
	struct err	 e;

	ck_assert_int_eq(envfile_read(at("none"), &vars, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_int_eq(envfile_read(scratch, &vars, &e), -1);
	ck_assert_int_eq(e.code, EISDIR);
	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	ck_assert_int_eq(envfile_read(at("fifo"), &vars, &e), -1);
	put("nul", "A=1\0B\n", 6, 0600);
	ck_assert_int_eq(envfile_read(at("nul"), &vars, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "NUL"));
	memset(big, '#', sizeof(big));
	put("big", big, sizeof(big), 0600);
	ck_assert_int_eq(envfile_read(at("big"), &vars, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "larger than 1 MiB"));
	ck_assert_int_eq(envfile_read("/dev/zero", &vars, &e), -1);
	ck_assert_int_eq(envfile_read("/dev/null", &vars, &e), 0);
	ck_assert_ptr_null(vars[0]);
	words_free(vars);
}
END_TEST

/* --- finding a command ---------------------------------------------------- */

START_TEST(find_command)
{
	char		 path_env[1024], want[600];
	char		*path;
	struct err	 e;

	ck_assert_int_eq(mkdir(at("one"), 0700), 0);
	ck_assert_int_eq(mkdir(at("two"), 0700), 0);
	ck_assert_int_eq(mkdir(at("two/dir"), 0700), 0);
	put("one/prog", "x", 1, 0600);
	put("two/prog", "x", 1, 0700);
	put("two/plain", "x", 1, 0600);
	(void)snprintf(path_env, sizeof(path_env), "%s/one:two/:", scratch);

	/* A file that cannot be executed is passed over. */
	ck_assert_int_eq(conf_find_command("prog", path_env, scratch, &path,
	    &e), 0);
	(void)snprintf(want, sizeof(want), "%s/two/prog", scratch);
	ck_assert_str_eq(path, want);
	free(path);
	ck_assert_int_eq(conf_find_command("plain", path_env, scratch, &path,
	    &e), -1);
	ck_assert_int_eq(e.code, EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "0600"));
	ck_assert_int_eq(conf_find_command("none", path_env, scratch, &path,
	    &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "no command 'none'"));
	ck_assert_int_eq(conf_find_command("dir", path_env, scratch, &path,
	    &e), -1);

	/* With a slash PATH does not matter. */
	ck_assert_int_eq(conf_find_command("two/prog", "", scratch, &path,
	    &e), 0);
	ck_assert_str_eq(path, want);
	free(path);
	ck_assert_int_eq(conf_find_command("./two", "", scratch, &path, &e),
	    -1);
	ck_assert_int_eq(e.code, EISDIR);
	ck_assert_int_eq(conf_find_command("two/none", "", scratch, &path,
	    &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_int_eq(conf_find_command("sh", NULL, "/", &path, &e), 0);
	ck_assert_int_eq(path[0], '/');
	free(path);
}
END_TEST

/* --- reading a file again ------------------------------------------------ */

/* What is no regular file is refused at once: nobody writes to the FIFO. */
START_TEST(reload_refuses)
{
	static const char *const names[] = {
		"fifo", "folder", "/dev/zero", "link", "none"
	};
	struct conf_problems	 p = { 0 };

	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	ck_assert_int_eq(symlink("fifo", at("link")), 0);
	ck_assert_int_eq(mkdir(at("folder"), 0700), 0);
	ck_assert_ptr_null(conf_reload(names[_i][0] == '/' ? names[_i] :
	    at(names[_i]), &p));
	ck_assert_uint_eq(p.count, 1);
	ck_assert_uint_eq(conf_problems_of(&p, CONF_BAD_FILE), 1);
	ck_assert_ptr_nonnull(strstr(p.list[0].text, strcmp(names[_i],
	    "none") == 0 ? "No such file" : "is not a regular file"));
	conf_problems_free(&p);
}
END_TEST

START_TEST(reload_counts)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;

	put("x.ini", "command = sh\n", 13, 0600);
	ck_assert_int_eq(symlink("x.ini", at("y.ini")), 0);
	c = conf_reload(at("y.ini"), &p);
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_eq(conf_ref(c), c);
	conf_unref(c);
	ck_assert_str_eq(c->pools[0].name, "sh");
	conf_unref(c);
	ck_assert_ptr_null(conf_ref(NULL));
	conf_unref(NULL);
}
END_TEST

/* --- facts about the machine ---------------------------------------------- */

static struct conf *
load(const char *path, const char *text)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;

	c = conf_load_text(path, text, strlen(text), &p);
	ck_assert_msg(c != NULL, "%s", p.count > 0 ? p.list[0].text : "?");
	return c;
}

START_TEST(machine)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;
	char			 path[600];

	put("app.env", "PATH=/nowhere\nBAD LINE\n", 23, 0600);
	(void)snprintf(path, sizeof(path), "%s/x.yaml", scratch);
	c = load(path,
	    "pools:\n"
	    "  - command: no-such-command-1\n"
	    "    dialect: rota\n"
	    "    env_file: app.env\n"
	    "    broadcast:\n"
	    "      - {interval: 1s, key: a, command: no-such-command-2}\n"
	    "      - {interval: 1s, key: b, file: none}\n"
	    "  - name: x\n"
	    "    argv: [./app.env]\n"
	    "  - name: y\n"
	    "    command: true\n"
	    "    cwd: none\n"
	    "  - name: z\n"
	    "    command: sh\n"
	    "    env: {PATH: /nowhere}\n"
	    "  - name: good\n"
	    "    command: sh\n");
	conf_check_machine(c, &p);
	ck_assert_uint_eq(p.count, 7);
	ck_assert_uint_eq(conf_problems_of(&p, CONF_BAD_MACHINE), 7);
	ck_assert_uint_eq(p.list[0].pos.line, 2);
	ck_assert_uint_eq(p.list[0].pos.col, 14);
	ck_assert_uint_eq(p.list[1].pos.line, 4);
	ck_assert_ptr_nonnull(strstr(p.list[1].text, "app.env:2: "));
	ck_assert_uint_eq(p.list[2].pos.line, 6);
	ck_assert_uint_eq(p.list[3].pos.line, 7);
	ck_assert_uint_eq(p.list[4].pos.line, 9);
	ck_assert_ptr_nonnull(strstr(p.list[4].text, "cannot be executed"));
	ck_assert_uint_eq(p.list[5].pos.line, 12);
	ck_assert_uint_eq(p.list[6].pos.line, 14);
	ck_assert_ptr_nonnull(strstr(p.list[6].text, "/nowhere"));
	conf_problems_free(&p);
	conf_unref(c);
}
END_TEST

START_TEST(accounts)
{
	struct err	 e;
	uid_t		 uid = 1;
	gid_t		 gid = 1;

	ck_assert_int_eq(account_user("root", &uid, &e), 0);
	ck_assert_uint_eq(uid, 0);
	ck_assert_int_eq(account_group("0", &gid, &e), 0);
	ck_assert_uint_eq(gid, 0);
	ck_assert_int_eq(account_user("4294967294", &uid, &e), 0);
	ck_assert_uint_eq(uid, 4294967294);
	ck_assert_int_eq(account_user("4294967295", &uid, &e), -1);
	ck_assert_int_eq(account_user("", &uid, &e), -1);
	ck_assert_int_eq(account_user("-1", &uid, &e), -1);
	ck_assert_int_eq(account_group("no-such-group", &gid, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "no group 'no-such-group'"));
	ck_assert_uint_eq(uid, 4294967294);
	ck_assert_uint_eq(gid, 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, quota_table, 0, ARRAY_LEN(quota_rows));
	tcase_add_loop_test(tc, env_table, 0, ARRAY_LEN(env_rows));
	tcase_add_test(tc, env_not_a_file);
	tcase_add_test(tc, find_command);
	tcase_add_loop_test(tc, reload_refuses, 0, 5);
	tcase_add_test(tc, reload_counts);
	tcase_add_test(tc, accounts);
	tcase_add_test(tc, machine);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("machine", fill)
