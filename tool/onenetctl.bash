# SPDX-License-Identifier: MIT
#
# Completion of onenetctl for bash: commands, their options, and the names that the
# configuration gives to endpoints, devices and rules.

# _onenetctl_names KIND...: the names of the configuration that -C names.
_onenetctl_names() {
  local kind i config=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [ "${COMP_WORDS[i]}" = -C ] && config=(-C "${COMP_WORDS[i + 1]}")
  done
  for kind in "$@"; do
    "${COMP_WORDS[0]}" "${config[@]}" names "$kind" 2>/dev/null
  done
}

# _onenetctl_options COMMAND: its options.
_onenetctl_options() {
  case $1 in
    "") echo '-C --json --help --version' && return ;;
    explain) echo '--source --severity --host --plugin --plugin-instance --type
      --type-instance --data-source --message --value --meta --time' ;;
    status) echo '--watch' ;;
    pending | states) echo '--device --rule --limit' ;;
    history) echo '--device --rule --outcome --since --limit' ;;
    orders) echo '--since --limit' ;;
    send) echo '--format --expire --service --no-wait' ;;
    retry) echo '--force --no-wait' ;;
    cancel) echo '--device --no-wait' ;;
    silence) echo '--device --rule --for --comment --no-wait' ;;
  esac
  echo '--json --help'
}

# _onenetctl_words COMMAND: what may stand there besides options.
_onenetctl_words() {
  case $1 in
    "") echo 'check names explain test status pending history states orders send
      retry cancel silence' ;;
    names) echo 'endpoints devices rules' ;;
    send) _onenetctl_names devices ;;
    test) _onenetctl_names devices endpoints ;;
  esac
}

# _onenetctl_files WORD: answers with files. Elsewhere a name is no file, though there
# may be a directory of the same name.
_onenetctl_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_onenetctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local i command=
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -C) ((i++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]} && break ;;
    esac
  done
  COMPREPLY=()
  case $before in
    -C) _onenetctl_files "$word" ;;
    --device) mapfile -t COMPREPLY < <(compgen -W "$(_onenetctl_names devices)" -- "$word") ;;
    --rule) mapfile -t COMPREPLY < <(compgen -W "$(_onenetctl_names rules)" -- "$word") ;;
    --outcome) mapfile -t COMPREPLY < <(compgen -W 'accepted refused unknown expired
      superseded unchanged dropped cancelled pending' -- "$word") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W 'text json hex base64' -- "$word") ;;
    --severity) mapfile -t COMPREPLY < <(compgen -W 'failure warning okay' -- "$word") ;;
    --source) mapfile -t COMPREPLY < <(compgen -W 'notification value' -- "$word") ;;
    --since | --for | --expire) mapfile -t COMPREPLY < <(compgen -W '15m 2h 1d' -- "$word") ;;
    --host | --plugin | --plugin-instance | --type | --type-instance | --data-source | \
      --message | --value | --meta | --time | --limit | --service | --comment) ;;
    *)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_onenetctl_options "$command")" -- "$word")
      elif [ "$command" = check ]; then
        _onenetctl_files "$word"
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_onenetctl_words "$command")" -- "$word")
      fi
      ;;
  esac
}
complete -F _onenetctl onenetctl
