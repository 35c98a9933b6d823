/** The shells ask `af __complete` with the words typed so far and get one candidate a line. */
export function completionScript(shell: string): string {
  if (shell === "zsh") return zsh;
  return shell === "fish" ? fish : bash;
}

const bash = `_af_complete() {
  local cur="\${COMP_WORDS[COMP_CWORD]}"
  local IFS=$'\\n'
  local found="$("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  COMPREPLY=($(compgen -W "$found" -- "$cur"))
}
complete -o default -F _af_complete af agentflow
`;

const zsh = `_af_complete() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates:#}")
  compadd -a candidates || _files
}
compdef _af_complete af agentflow
`;

const fish = `function __af_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c af -a '(__af_complete)'
complete -c agentflow -a '(__af_complete)'
`;
