#ifndef CONFIG_CPUS_H
#define CONFIG_CPUS_H

/*
 * How many CPUs this process may use: its affinity, and the quota of its
 * cgroup (version 1 or 2, its parents included) rounded up.  At least 1.
 */
unsigned int	cpus_usable(void);
/*
 * The quota alone, in CPUs rounded up; 0: none.  proc_cgroup is the text
 * of /proc/self/cgroup, root the folder where the hierarchies are mounted.
 */
unsigned int	cpus_quota(const char *proc_cgroup, const char *root);
#endif
