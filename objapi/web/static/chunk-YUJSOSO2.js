import{j as t}from"./chunk-DVQHWD4M.js";var e=t(null);function r(i,o="info",n){e.value=n===void 0?{text:i,kind:o}:{text:i,kind:o,action:n}}export{e as a,r as b};
