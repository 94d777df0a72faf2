"""What generated notes are made of: sentences with slots, code, formulas, titles.

A slot is a name in braces; `SLOTS` says what may stand in it. In code and formulas, where
braces mean something else, the slots are `‹name›`.
"""

SLOTS = {
    "model": (
        "自注意力|非局部模块|通道注意力|卷积神经网络|循环神经网络|长短期记忆网络|门控循环单元|"
        "残差网络|生成对抗网络|变分自编码器|图卷积网络|扩散模型|支持向量机|决策树|随机森林|"
        "线性回归|逻辑回归|多层感知机|Transformer|ResNet|MobileNet|YOLOv5|U-Net|BERT|ViT|"
        "SENet|特征金字塔|目标检测网络|语义分割网络|编码器|解码器|全连接网络|轻量级网络"
    ).split("|"),
    "part": (
        "注意力权重|特征图|感受野|卷积核|池化层|全连接层|激活函数|损失函数|归一化层|批量归一化|"
        "位置编码|残差连接|跳跃连接|隐藏状态|词向量|嵌入层|候选框|锚框|掩码|滑动窗口|通道|"
        "学习率|动量|权重衰减|正则化项|梯度|张量|小批量|数据集|验证集|标签|超参数|上采样层|"
        "多头注意力|特征向量|协方差矩阵|置信度|交并比|非极大值抑制|数据加载器|计算图|优化器"
    ).split("|"),
    "act": (
        "线性映射|加权求和|相似度计算|归一化|下采样|上采样|反向传播|前向传播|梯度裁剪|参数初始化|"
        "数据增强|随机裁剪|水平翻转|特征融合|逐元素相乘|矩阵乘法|全局平均池化|最大池化|展平|转置|"
        "拼接|广播|微调|预训练|知识蒸馏|剪枝|量化|早停|交叉验证|超参数搜索|模型集成|可视化"
    ).split("|"),
    "effect": (
        "收敛得更快|精度有所提升|计算量明显下降|显存占用变小|训练更加稳定|泛化能力更强|"
        "避免梯度消失|缓解过拟合|信息不容易丢失|捕捉到长距离依赖|对尺度变化更鲁棒|参数量减少|"
        "推理速度提高|小目标的召回率上升|误差逐渐减小|输出的尺寸保持不变|特征的表达能力增强"
    ).split("|"),
    "tool": (
        "PyTorch|TensorFlow|NumPy|OpenCV|Matplotlib|pandas|scikit-learn|Docker|Git|VS Code|"
        "PyCharm|Jupyter|CUDA|Anaconda|Linux|CMake|Typora|Hexo|Nginx|MySQL|Redis|Qt"
    ).split("|"),
    "place": (
        "命令行|配置文件|环境变量|虚拟环境|源代码|官方文档|服务器|本地仓库|远程仓库|根目录|日志|"
        "任务管理器|注册表|防火墙|容器|镜像|终端|编辑器|缓存文件夹|数据库"
    ).split("|"),
    "matter": (
        "指针|引用|构造函数|析构函数|虚函数|模板|迭代器|智能指针|装饰器|生成器|上下文管理器|"
        "列表推导式|异常处理|多线程|协程|互斥锁|哈希表|二叉树|链表|栈|队列|动态规划|递归|"
        "贪心算法|广度优先搜索|深度优先搜索|时间复杂度|空间复杂度|正则表达式|闭包|字符串"
    ).split("|"),
    "do": "安装|升级|卸载|配置|编译|调试|部署|备份|同步|下载|检查|重启|提交|合并|回退".split("|"),
    "why": "原因很简单|这样做的好处|需要注意的地方|关键在于|换句话说|直观地理解".split("|"),
    "size": "1x1|3x3|5x5|7x7|224x224|640x640|HxWxC|1x1xC|NxN|56x56|512|1024|2048|64".split("|"),
    "number": "0.1|0.01|0.001|0.5|0.9|0.999|2|3|4|8|16|32|64|128|256|100|300".split("|"),
}

SENTENCES = """\
{model}的核心思想，是对{part}做一次{act}，然后再送入{part}，这样{effect}。
在{model}中，{part}通常要先经过{act}，得到的结果大小为{size}。
{why}：如果不做{act}，{part}的数值会越来越大，模型就很难收敛。
{part}的作用，类似于给每个位置都施加一个权重，权重越大，表示它与关键信息的相关度越高。
与{model}相比，{model}最大的区别在于{part}，前者是固定的，后者是学习得到的。
第一步是{act}，第二步是{act}，最后把两者的结果相加，得到新的{part}。
实验结果表明，加入{part}之后，{effect}，不过训练的时间也变长了。
一般将{part}设置为{number}，如果显存不够，就把批量大小改为{number}。
作者认为{model}之所以有效，是因为{act}让{part}{effect}。
把{part}拆成{number}份，分别做{act}，再按通道的维度拼接起来。
训练的时候使用{act}，测试的时候关闭它，否则{part}的统计量会出错。
{model}的输入是{size}的图像，经过若干层{act}，得到{size}的{part}。
如果{part}的维度太高，先用 1x1 卷积压缩到原来的四分之一，再做{act}。
论文里没有说明{part}怎么初始化，代码里用的是均值为 0、标准差为 {number} 的正态分布。
{effect}，这是{model}被广泛使用的重要原因。
所谓{act}，就是让{part}服从均值为 0、方差为 1 的分布。
这里的{part}不参与梯度更新，所以要用 detach 把它从计算图里分离出来。
{part}太小会欠拟合，太大会过拟合，需要在验证集上反复调整。
用{tool}可以很方便地实现{act}，只需要几行代码就够了。
打开{place}，找到{tool}的安装位置，把它加入{place}，然后{do}一次就可以了。
如果{do}{tool}时报错，先检查{place}里的版本号，再看{place}有没有写错。
在 Windows 上{do}{tool}，路径里不要有中文和空格，否则容易出现奇怪的问题。
{tool}默认把{place}放在用户目录下，重装系统之前记得{do}。
{matter}和{matter}的区别，是面试里经常被问到的问题。
使用{matter}的时候，一定要注意释放资源，不然会造成内存泄漏。
{matter}的本质是一个对象，它保存了{matter}的地址以及当前的状态。
这道题可以用{matter}来做，{matter}是 O(n log n)，空间换时间的话可以做到 O(n)。
先把数据放入{matter}，每次取出最小的一个，直到{matter}为空为止。
{matter}不是必须的，但是它能让代码更清晰，出错的时候也更容易定位。
从{place}复制出来的命令，要先看懂再执行，尤其是带有删除的命令。
{why}，{part}越往后尺寸越小，通道数越多，代表的语义信息也越高级。
对于{model}来说，{part}比{part}更加重要，这一点在消融实验里可以看到。
从第 {number} 个 epoch 开始，把学习率乘以 {number}，{effect}。
{model}分为两个阶段，第一个阶段做{act}，第二个阶段对{part}进行微调。
感觉这一部分和{model}很像，都是先{act}，再用{part}做一次筛选。
这里还没有完全弄懂，等看完{model}的代码之后再回来补充。""".split("\n")

PHRASES = """\
{act}之后的{part}
{part}的大小是{size}
先做{act}，再做{act}
{model}的优点：{effect}
{model}的缺点：计算量大
{do}{tool}
{place}里的{tool}
{matter}的用法
为什么需要{act}
{part}与{part}的关系
{tool}的版本要与{tool}对应
把{part}设为 {number}
{act}可以使{part}{effect}
注意区分{matter}和{matter}""".split("\n")

HEADINGS = """\
{model}
{part}
{model}的结构
{act}的步骤
{part}的作用
{model}与{model}的区别
{tool}的安装与配置
{matter}详解
为什么要做{act}
{model}代码实现
实验结果分析
常见问题
小结
参考资料""".split("\n")

TITLES = """\
文章阅读笔记：{model}的原理与实现 - CSDN - 向上取整
论文笔记：{model}中的{part}
视频笔记：{part}与{act} - 哔哩哔哩 - 霹雳吧啦
{tool}教程：在{place}里{do}{tool}
算法刷题笔记：{matter}与{matter}
C++ 基础：{matter}
Python 进阶：{matter}和{matter}
{model}：从{part}到{act}
{tool}使用记录：{do}时遇到的问题
深度学习基础知识：{part}、{part}""".split("\n")

TAGS = (
    "深度学习|计算机视觉|注意力机制|Python|PyTorch|论文阅读|目标检测|机器学习|C++|Linux|工具|"
    "数学基础|语义分割|算法|数据结构|OpenCV|环境配置|Git|博客|神经网络|卷积|Transformer|"
    "图像分类|数据集|面试|模型部署|CUDA|Docker|Hexo|效率|读书|随笔|YOLO|TensorFlow|爬虫"
).split("|")
"""Most used first."""

CATEGORIES = [
    ["深度学习技术栈", "深度学习", "文章学习"],
    ["深度学习技术栈", "深度学习", "论文阅读"],
    ["深度学习技术栈", "深度学习", "视频学习"],
    ["深度学习技术栈", "PyTorch"],
    ["深度学习技术栈", "计算机视觉", "目标检测"],
    ["深度学习技术栈", "计算机视觉", "语义分割"],
    ["机器学习技术栈", "基础"],
    ["C++技术栈", "C++基础", "第1节：入门"],
    ["C++技术栈", "数据结构与算法"],
    ["Python技术栈", "进阶"],
    ["工具", "Git"],
    ["工具", "Linux", "命令行"],
    "随笔",
]

IMAGES = "https://cdn.jsdelivr.net/gh/Alec-97/alec-s-images-cloud/img/"

LINKS = [
    "https://arxiv.org/abs/1706.03762",
    "https://pytorch.org/docs/stable/nn.html",
    "https://blog.csdn.net/qq_42782782/article/details/127425795?spm=1001.2101.3001.6650.3",
    "https://zhuanlan.zhihu.com/p/48508221",
    "https://www.bilibili.com/video/BV1Wv411h7kN?p=3",
    "https://github.com/ultralytics/yolov5/blob/master/models/common.py",
]

INLINE_FORMULAS = r"""
x_{‹i›}
W_{‹i›}^{T} x + b
\alpha_{‹i›j} = \mathrm{softmax}(e_{‹i›j})
O(n^{‹n›} \log n)
\frac{\partial L}{\partial w_{‹i›}}
\mathbb{R}^{H \times W \times C}
\sigma(z) = \frac{1}{1 + e^{-z}}
\theta^{*}
\sqrt{d_{k}}
P(y \mid x; \theta)
y' = f'(x)
\{x_1, x_2, \dots, x_‹n›\}
""".strip().split("\n")

DISPLAY_FORMULAS = [
    formula.strip("\n")
    for formula in r"""
\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{QK^{T}}{\sqrt{d_k}}\right)V
---
\mathrm{softmax}(x_i) = \frac{e^{x_i}}{\sum_{j=1}^{‹n›} e^{x_j}}
---
y(i, j) = \sum_{m=0}^{k-1} \sum_{n=0}^{k-1} x(i + m, j + n) \, w(m, n) + b
---
A = \begin{bmatrix}
a_{11} & a_{12} & \cdots & a_{1‹n›} \\
a_{21} & a_{22} & \cdots & a_{2‹n›} \\
\vdots & \vdots & \ddots & \vdots \\
a_{m1} & a_{m2} & \cdots & a_{m‹n›}
\end{bmatrix}
---
\begin{aligned}
\hat{x}_i &= \frac{x_i - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} \\
y_i &= \gamma \hat{x}_i + \beta
\end{aligned}
---
\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
\theta_{t+1} &= \theta_t - \frac{\eta}{\sqrt{\hat{v}_t} + \epsilon} \hat{m}_t
\end{aligned}
---
L = -\frac{1}{N} \sum_{i=1}^{N} \left[ y_i \log \hat{y}_i + (1 - y_i) \log(1 - \hat{y}_i) \right]
---
f(x) = \begin{cases} x, & x > 0 \\ 0, & x \leq 0 \end{cases}
---
\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix} \begin{pmatrix} x_1 \\ x_2 \end{pmatrix}
---
y_i = \frac{1}{\mathcal{C}(x)} \sum_{\forall j} f(x_i, x_j) g(x_j)
""".strip("\n").split("---\n")
]

CODE = {
    "python": [
        block.strip("\n")
        for block in '''
import torch
from torch import nn


class ‹Name›(nn.Module):
    """‹phrase›"""

    def __init__(self, channels, reduction=‹n›):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)  # ‹phrase›
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)
---
for epoch in range(‹n›):
    for images, labels in train_loader:
        optimizer.zero_grad()
        outputs = net(images.to(device))   # ‹phrase›
        loss = loss_function(outputs, labels.to(device))
        loss.backward()
        optimizer.step()
    print(f"[epoch {epoch + 1}] loss: {loss.item():.3f}")
---
import numpy as np

‹name› = np.arange(‹n› * 4).reshape(‹n›, 4)
print(‹name›.shape, ‹name›.dtype)   # ‹phrase›
print(‹name›[:, 1:3].mean(axis=0))
---
import cv2

img = cv2.imread(r"D:\\data\\‹name›.jpg")
gray = cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)
edges = cv2.Canny(gray, 100, ‹n›)
cv2.imshow("‹name›", edges)
cv2.waitKey(0)
---
def ‹name›(nums, target):
    seen = {}
    for i, x in enumerate(nums):
        if target - x in seen:
            return [seen[target - x], i]   # ‹phrase›
        seen[x] = i
    return []
'''.strip("\n").split("---\n")
    ],
    "bash": [
        "conda create -n ‹name› python=3.8\nconda activate ‹name›\npip install -r requirements.txt",
        "git add .\ngit commit -m '‹phrase›'\ngit push origin main",
        "sudo apt-get update\nsudo apt-get install -y ‹name›   # ‹phrase›\nsystemctl status ‹name›",
        "docker run -it --gpus all -v /home/‹name›:/workspace ‹name›:v‹n› /bin/bash",
    ],
    "c++": [
        "#include <iostream>\n#include <vector>\nusing namespace std;\n\nint main() {\n"
        "    vector<int> ‹name›(‹n›, 0);   // ‹phrase›\n    for (auto &x : ‹name›) {\n"
        "        cin >> x;\n    }\n    cout << ‹name›.size() << endl;\n    return 0;\n}",
        "template <typename T>\nclass ‹Name› {\npublic:\n    explicit ‹Name›(T *p) : p_(p) {}\n"
        "    ~‹Name›() { delete p_; }   // ‹phrase›\n\nprivate:\n    T *p_;\n};",
    ],
    "yaml": ["title: ‹phrase›\nnumber: ‹n›\nnames:\n  - ‹name›\n  - a: 1\n    b: [x, y]"],
    "text": [
        "‹name›/\n├── train.py\n├── data\n│   ├── train   ‹phrase›\n│   └── val\n└── readme.txt"
    ],
}
CODE |= {
    "": CODE["text"],
    "Python3": CODE["python"],
    "{python}": CODE["python"][2:],
    "js {1,3}": ["const ‹name› = [1, 2, ‹n›];\n// ‹phrase›\nconsole.log(‹name›.map(x => x * 2));"],
    "shell script": CODE["bash"],
    "C++": CODE["c++"],
    "json": ['{\n  "name": "‹name›",\n  "size": ‹n›,\n  "text": "‹phrase›"\n}'],
}

LANGUAGES = (
    ["python"] * 9
    + ["bash"] * 4
    + ["c++", "C++", "", ""]
    + ["Python3", "text", "yaml", "json", "shell script", "{python}", "js {1,3}"]
)
"""As often as they are used."""

NAMES = "attention model data result feature buffer weights layer sample score config yolo".split()
