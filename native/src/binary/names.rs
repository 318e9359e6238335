//! What an executable of its own finds behind the names that it needs, in place of libc's: the symbols of this crate, and the
//! functions of `crate::c`. Whatever is not here is libc's, whose system calls are served one by one (`crate::dispatch`).

use super::start;
use crate::c::{ending, environment, loading, memory, names as net, options, random, statics, syslog, text};

macro_rules! names {
    (symbols: $($symbol:ident)*; functions: $($name:literal => $function:path,)*) => {
        #[allow(clashing_extern_declarations, reason = "only their addresses are used")]
        mod symbols {
            unsafe extern "C" {
                $(pub fn $symbol();)*
            }
        }

        /// The address of what is in the place of libc's function of this name.
        pub fn find(name: &str) -> Option<usize> {
            let found = match name {
                $(stringify!($symbol) => symbols::$symbol as *const () as usize,)*
                $($name => $function as *const () as usize,)*
                _ => return None,
            };
            Some(found)
        }
    };
}

names! {
    symbols:
    _Exit __cxa_thread_atexit_impl _exit abort accept accept4 access alarm bind clock_gettime clock_nanosleep close connect dup
    dup2 dup3 endgrent endpwent epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd execve fcntl fcntl64
    fdatasync fork freeaddrinfo fstat fstat64 fsync ftruncate ftruncate64 getaddrinfo getcwd getentropy getgrent getgrgid
    getgrgid_r getgrnam getgrnam_r getgrouplist gethostname getitimer getpeername getpid getpwent getpwnam getpwnam_r getpwuid
    getpwuid_r getrandom getsockname getsockopt gettid gettimeofday initgroups ioctl kill listen lseek lseek64 lstat64 mkdir
    nanosleep open open64 pipe pipe2 poll posix_spawnp prctl pread pread64 pthread_create pthread_detach pthread_cancel pthread_exit pthread_getattr_np
    pthread_getname_np pthread_getspecific pthread_join pthread_key_create pthread_key_delete pthread_kill pthread_setname_np
    pthread_setspecific pthread_sigmask pwrite pwrite64 raise read readlink readv recv recvfrom recvmmsg recvmsg rename
    sched_getaffinity sched_yield send sendmmsg sendmsg sendto setegid seteuid setgid setgrent setgroups setitimer setpwent setregid
    setresgid setresuid setreuid setsockopt setuid shutdown sigaction sigaltstack signal sigprocmask sleep socket socketpair
    stat stat64 statx syscall sysconf time timer_create timer_delete timer_getoverrun timer_gettime timer_settime unlink usleep write writev;

    functions:
    "__libc_start_main" => start::start_main,
    "__tls_get_addr" => start::thread_local,
    "__cxa_finalize" => start::finalize,

    "malloc" => memory::malloc,
    "free" => memory::free,
    "calloc" => memory::calloc,
    "realloc" => memory::realloc,
    "reallocarray" => memory::reallocarray,
    "memalign" => memory::aligned_alloc,
    "aligned_alloc" => memory::aligned_alloc,
    "posix_memalign" => memory::posix_memalign,
    "malloc_usable_size" => memory::malloc_usable_size,
    "malloc_trim" => memory::malloc_trim,
    "mallctl" => memory::mallctl,
    "nallocx" => memory::nallocx,
    "malloc_stats_print" => memory::malloc_stats_print,

    "strdup" => text::strdup,
    "__strdup" => text::strdup,
    "strndup" => text::strndup,
    "__strndup" => text::strndup,
    "getdelim" => text::getdelim,
    "__getdelim" => text::getdelim,
    "getline" => text::getline,
    "setlocale" => text::setlocale,

    "getenv" => environment::getenv,
    "secure_getenv" => environment::getenv,
    "setenv" => environment::setenv,
    "unsetenv" => environment::unsetenv,
    "putenv" => environment::putenv,
    "clearenv" => environment::clearenv,

    "random" => random::random,
    "srandom" => random::srandom,
    "rand" => random::rand,
    "srand" => random::srandom,
    "initstate" => random::initstate,
    "setstate" => random::setstate,

    "strtok" => statics::strtok,
    "localtime" => statics::localtime,
    "localtime_r" => statics::localtime_r,
    "gmtime" => statics::gmtime,
    "asctime" => statics::asctime,
    "ctime" => statics::ctime,
    "ctime_r" => statics::ctime_r,
    "drand48" => statics::drand48,
    "lrand48" => statics::lrand48,
    "mrand48" => statics::mrand48,
    "erand48" => statics::erand48,
    "nrand48" => statics::nrand48,
    "jrand48" => statics::jrand48,
    "srand48" => statics::srand48,
    "seed48" => statics::seed48,
    "lcong48" => statics::lcong48,

    "syslog" => syslog::syslog,
    "__syslog_chk" => syslog::syslog_chk,
    "vsyslog" => syslog::vsyslog,
    "__vsyslog_chk" => syslog::vsyslog_chk,
    "openlog" => syslog::openlog,
    "closelog" => syslog::closelog,
    "setlogmask" => syslog::setlogmask,

    "gethostbyname" => net::gethostbyname,
    "gethostbyname_r" => net::gethostbyname_r,
    "gethostbyaddr" => net::gethostbyaddr,
    "getservbyname" => net::getservbyname,
    "getservbyport" => net::getservbyport,
    "getprotobyname" => net::getprotobyname,
    "getprotobynumber" => net::getprotobynumber,
    "getnameinfo" => net::getnameinfo,

    "getopt" => options::getopt,
    "__posix_getopt" => options::getopt,
    "getopt_long" => options::getopt_long,
    "getopt_long_only" => options::getopt_long_only,

    "dlopen" => loading::dlopen,
    "dlsym" => loading::dlsym,
    "dlclose" => loading::dlclose,
    "dlerror" => loading::dlerror,

    "exit" => ending::exit,
    "atexit" => ending::atexit,
    "__cxa_atexit" => ending::cxa_atexit,
    "on_exit" => ending::on_exit,
    "fflush" => ending::fflush,
    "__assert_fail" => ending::assert_fail,
}
